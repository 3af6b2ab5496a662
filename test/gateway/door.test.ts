import { describe, expect, test } from 'bun:test'
import { PassThrough } from 'node:stream'
import { AllowedClients } from '../../src/gateway/access/allowed-clients.ts'
import { OwnNames } from '../../src/gateway/access/own-names.ts'
import { Door } from '../../src/gateway/door.ts'
import { type GatewayRequest, jsonReply } from '../../src/gateway/message.ts'

const near = '127.0.0.1'
const [client, stranger] = ['10.0.0.7', '203.0.113.9']
const { signal } = new AbortController()

function newDoor(): { door: Door; tunnels: string[] } {
  const tunnels: string[] = []
  const door = new Door({
    inside: {
      handle: async () => jsonReply(200, { inside: true }),
      connect: async ({ authority }) => void tunnels.push(authority),
    },
    allowed: new AllowedClients(['10.0.0.0/8']),
    ownNames: new OwnNames({ listenHost: undefined, names: [], addresses: () => [] }),
    probes: new Map([['/readyz', () => jsonReply(503, { ready: false })]]),
  })
  return { door, tunnels }
}

function request(address: string, target = '/o/r', headers: Record<string, string> = {}, method = 'GET') {
  const body = (async function* () {})()
  return {
    method,
    target,
    headers: new Headers({ host: near, ...headers }),
    body,
    address,
    localAddress: near,
    signal,
  } satisfies GatewayRequest
}

async function statuses(door: Door, target: string): Promise<readonly number[]> {
  const replies = [near, client, stranger].map((address) => door.handle(request(address, target)))
  return (await Promise.all(replies)).map(({ status }) => status)
}

async function connectFrom(door: Door, address: string): Promise<string> {
  const socket = new PassThrough()
  await door.connect({ authority: 'huggingface.co:443', socket, head: new Uint8Array(), address, signal })
  return socket.read()?.toString() ?? ''
}

describe('a door', () => {
  test('lets in this machine and allowed clients, and answers probes to every machine', async () => {
    const { door } = newDoor()
    expect(await statuses(door, '/o/r')).toEqual([200, 200, 403])
    expect(await statuses(door, '/readyz')).toEqual([503, 503, 503])
    expect(await statuses(door, '/readyz?verbose')).toEqual([503, 503, 503])
  })

  test('lets in nobody who comes after it was told to leave, and goes on answering probes', async () => {
    const { door, tunnels } = newDoor()
    door.leave()
    expect(await statuses(door, '/o/r')).toEqual([503, 503, 403])
    expect(await statuses(door, '/readyz')).toEqual([503, 503, 503])
    const { headers } = await door.handle(request(client))
    expect(headers).toContainEqual(['Connection', 'close'])
    expect(await connectFrom(door, client)).toStartWith('HTTP/1.1 503 ')
    expect(tunnels).toEqual([])
  })

  test('answers a probe neither to a web page nor under another name, method or form', async () => {
    const { door } = newDoor()
    const page = await door.handle(request(client, '/readyz', { origin: 'https://evil.example' }))
    expect(page.status).toBe(200)
    expect((await door.handle(request(client, '/readyz', { host: 'evil.example' }))).status).toBe(200)
    expect((await door.handle(request(stranger, '/readyz', {}, 'POST'))).status).toBe(403)
    expect((await door.handle(request(stranger, 'http://x/readyz'))).status).toBe(403)
    expect((await door.handle(request(stranger, '/readyz/'))).status).toBe(403)
  })

  test('opens tunnels for allowed clients alone', async () => {
    const { door, tunnels } = newDoor()
    expect(await connectFrom(door, stranger)).toStartWith('HTTP/1.1 403 ')
    expect(await connectFrom(door, client)).toBe('')
    expect(tunnels).toEqual(['huggingface.co:443'])
  })
})
