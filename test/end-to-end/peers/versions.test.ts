import { expect, setDefaultTimeout, test } from 'bun:test'
import { PEER_HEADER, toPeerHeader } from '../../../src/swarm/protocol/peer-info.ts'
import { PROTOCOL_HEADER } from '../../../src/swarm/protocol/protocol-version.ts'
import { startTestHub } from '../../support/hub/test-hub.ts'
import { runDfhf, startDfhf } from '../../support/program/binary.ts'
import { newMachine } from '../../support/program/machine.ts'
import { expectExact } from '../../support/program/weights.ts'
import { samplePeer } from '../../swarm/samples.ts'

setDefaultTimeout(60_000)
const repo = { id: 'o/r', commits: [{ a: { seed: 'a', size: 6_000_000, lfs: true } }] }
const alone = { DFHF_NO_PEERS: undefined, DFHF_NO_MULTICAST: '1' }

/** A peer of a later version, which answers as it likes. */
function startLaterPeer() {
  const self = samplePeer(7, { addresses: ['127.0.0.1'] })
  const asked: string[] = []
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch(request, { port }): Response {
      asked.push(`${new URL(request.url).pathname} ${request.headers.get(PROTOCOL_HEADER)}`)
      const headers = {
        [PEER_HEADER]: toPeerHeader({ ...self, port: port ?? 1 }),
        [PROTOCOL_HEADER]: '2',
      }
      return new Response('{"whatever":"it has"}', { headers })
    },
  })
  return { asked, port: server.port, [Symbol.dispose]: () => void server.stop(true) }
}

const line = (text: string) => text.match(/speaks version 2 of the peer protocol and this process version 1/g)

test('peers of two versions refuse each other in one line and keep working alone', async () => {
  await using hub = await startTestHub({ repos: [repo] })
  using machine = newMachine(hub.url)
  using later = startLaterPeer()
  const flags = ['--listen', '127.0.0.1:0', '--gateway', 'off', '--fetch-for-peers']
  const seeds = ['--seeds', `127.0.0.1:${later.port}`]
  await using node = await startDfhf(machine, ['serve', ...flags, ...seeds], { env: alone })
  const port = await node.told(/to peers on port (\d+)\n/)
  await node.said('speaks version 2')
  expect(later.asked[0]).toBe('/v1/peers 1')

  // It takes nothing from the other one's requests either.
  const headers = { [PEER_HEADER]: toPeerHeader(samplePeer(7)), [PROTOCOL_HEADER]: '2' }
  const answer = await fetch(`http://127.0.0.1:${port}/v1/peers`, { headers })
  expect([answer.status, answer.headers.get(PROTOCOL_HEADER)]).toEqual([426, '1'])
  expect((await fetch(`http://127.0.0.1:${port}/v1/peers`)).status).toBe(200)
  expect(line(node.stderr())).toHaveLength(1)
  expect(node.stderr()).toContain('install one version of dfhf on all machines')

  using other = newMachine(hub.url)
  const command = ['download', 'o/r', 'a', ...seeds]
  const result = await runDfhf(other, command, { env: alone })
  expectExact(hub, result, 'a')
  expect(line(result.stderr)).toHaveLength(1)
  const mixed = ['download', 'o/r', 'a', '--force-download', ...seeds, '--seeds', `127.0.0.1:${port}`]
  expectExact(hub, await runDfhf(other, mixed, { env: alone }), 'a')
})
