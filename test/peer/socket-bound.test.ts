import { expect, test } from 'bun:test'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { silentLog } from '../../src/base/log.ts'
import { type OpenSocket, socketsOn } from '../../src/peer/open-sockets.ts'
import { crowdingSockets, SocketBound } from '../../src/peer/socket-bound.ts'
import { outwardAddress as outward } from '../support/program/outward-address.ts'

const socketOf = (address: string, descriptor: number): OpenSocket => ({
  descriptor,
  address,
  name: `${descriptor} ${address}`,
})
const a = [3, 4, 5, 6].map((descriptor) => socketOf('a', descriptor))
const b = [7, 8].map((descriptor) => socketOf('b', descriptor))

test('of a machine that holds too many the latest ones are cut, and none of another one', () => {
  const known = new Set(['4 a', '6 a', '7 b'])
  const cut = (most: number) => crowdingSockets([...a, ...b], known, most).map(({ descriptor }) => descriptor)
  expect(cut(4)).toEqual([])
  expect(cut(3)).toEqual([5])
  expect(cut(2)).toEqual([3, 5])
  expect(cut(1)).toEqual([6, 3, 5, 8])
})

/** A server on all addresses, and connections to it from `host`. */
async function crowd(host: string, count: number) {
  const server = createServer().listen(0, '0.0.0.0')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const clients: Socket[] = []
  for (let each = 0; each < count; each += 1) {
    const accepted = once(server, 'connection')
    const client = connect(port, host)
    await Promise.all([once(client, 'connect'), accepted])
    clients.push(client)
  }
  return {
    port,
    clients,
    [Symbol.dispose]() {
      for (const client of clients) client.destroy()
      server.close()
    },
  }
}

test.skipIf(outward === undefined || process.platform !== 'linux')(
  'connections are cut down to the bound, and no others with them',
  async () => {
    using many = await crowd(outward ?? '', 6)
    using few = await crowd(outward ?? '', 2)
    expect(socketsOn(many.port)).toHaveLength(6)
    using bound = new SocketBound(many.port, silentLog, 4)
    const ended = many.clients.map((client) => once(client.resume(), 'end').then(() => client))
    bound.look()
    await Promise.race(ended)
    expect(socketsOn(few.port)).toHaveLength(2)
    bound.look()
    expect(many.clients.filter((client) => client.readableEnded).length).toBeLessThanOrEqual(2)
  },
)

test('connections of this machine are not counted', async () => {
  using own = await crowd('127.0.0.1', 3)
  expect(socketsOn(own.port)).toEqual([])
})
