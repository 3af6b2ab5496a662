import { afterEach, describe, expect, test } from 'bun:test'
import { createHttpClient } from '../../src/http/http-client.ts'
import { startPeerServer } from '../../src/peer/peer-server.ts'
import { PeerClient, type PeerClientOptions } from '../../src/swarm/client/peer-client.ts'
import { Membership } from '../../src/swarm/membership/membership.ts'
import { PEER_HEADER, type PeerInfo, toPeerHeader } from '../../src/swarm/protocol/peer-info.ts'
import { PeerHandler, type PeerHandlerOptions } from '../../src/swarm/server/peer-handler.ts'
import { createClusterKey } from '../../src/swarm/trust/cluster-key.ts'
import { bytesOf } from '../support/http/bytes-of.ts'
import { MemoryBlob, MemoryShelf } from './memory-shelf.ts'
import { sampleOid, samplePeer } from './samples.ts'

const key = createClusterKey('correct horse battery staple')
const oid = sampleOid()
const secret = Buffer.from('the weights that nobody else may have '.repeat(50_000))
const place = { repo: 'org/hidden', commit: 'c'.repeat(40), path: 'quiet/model.bin' }
const never = new AbortController().signal

let stack = new AsyncDisposableStack()
afterEach(async () => {
  const old = stack
  stack = new AsyncDisposableStack()
  await old.disposeAsync()
})

/** A holder of the key with a private blob. */
function keep(options: Partial<PeerHandlerOptions> = {}) {
  let peer = samplePeer(1, {
    addresses: ['127.0.0.1'],
    clusterFingerprint: key.fingerprint,
    fetchesForPeers: true,
  })
  const shelf = new MemoryShelf()
  const blob = shelf.put(oid, new MemoryBlob(secret))
  blob.isPrivate = true
  blob.pieces.addAll()
  const peers = new Membership({ selfId: peer.id, clusterFingerprint: key.fingerprint, now: () => 0 })
  const handler = new PeerHandler({ self: () => peer, shelf, peers, key, ...options })
  const server = startPeerServer({ handler, host: '127.0.0.1', port: 0 })
  stack.defer(() => server.close({ isNow: true }))
  peer = { ...peer, port: server.port }
  return { peer, shelf, peers }
}

type Change = (answer: Response, body: Uint8Array) => Response

/** A host without the key between two peers: it passes requests on and keeps all that it sees. */
function relay(to: PeerInfo, change: Change = (answer, body) => new Response(body, answer)) {
  const seen: string[] = []
  const kept: Uint8Array[] = []
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const { pathname, search } = new URL(request.url)
      seen.push(decodeURIComponent(search), ...[...request.headers.values()].map(decodeURIComponent))
      const url = `http://127.0.0.1:${to.port}${pathname}${search}`
      const answer = await fetch(url, {
        headers: request.headers,
        method: request.method,
        signal: request.signal,
      })
      const watch = search.includes('watch=1') && answer.body
      if (watch) return new Response(watch, answer)
      const body = await answer.bytes()
      kept.push(body)
      return change(answer, body)
    },
  })
  stack.defer(() => server.stop(true))
  return { peer: { ...to, port: server.port ?? 0 }, seen, kept: () => Buffer.concat(kept) }
}

function connect(options: Partial<PeerClientOptions> = {}): PeerClient {
  const http = stack.use(createHttpClient())
  return new PeerClient({ http, key, self: () => undefined, ...options })
}

const whole = { range: { start: 0, end: secret.length - 1 }, size: secret.length, signal: never }

async function read(client: PeerClient, peer: PeerInfo): Promise<Buffer> {
  return bytesOf((await client.openRange(peer, oid, whole)).body)
}

describe('a host without the key that says it is a keyed peer', () => {
  test('gets nothing by passing requests on, and learns no repo', async () => {
    const { peer, shelf } = keep()
    const between = relay(peer)
    const heard: PeerInfo[] = []
    const client = connect({ onHeard: (who) => heard.push(who) })
    await expect(read(client, between.peer)).rejects.toMatchObject({
      code: 'unauthorized',
      message: 'peer host-1 refuses our requests: sent to an address that is not its own',
    })
    const watching = client.watchPieces(between.peer, oid, { signal: never, place })
    await expect(watching.next()).rejects.toMatchObject({ code: 'unauthorized' })
    await expect(client.listPeers(between.peer, never)).rejects.toMatchObject({ code: 'unauthorized' })
    expect(shelf.askers).toEqual([])
    expect(between.kept().includes('weights')).toBe(false)
    expect(between.seen.join()).not.toContain('hidden')
    expect(heard.filter(({ port }) => port === between.peer.port)).toEqual([])
  })

  test('does not keep others from the true one', async () => {
    const { peer } = keep()
    const liar = Bun.serve({
      port: peer.port,
      hostname: '127.0.0.2',
      fetch: () => new Response('no', { status: 503, headers: { [PEER_HEADER]: toPeerHeader(peer) } }),
    })
    stack.defer(() => liar.stop(true))
    const bytes = await read(connect(), { ...peer, addresses: ['127.0.0.2', '127.0.0.1'] })
    expect(bytes.equals(secret.subarray(0, -1))).toBe(true)
  })

  test('is not believed without a proof, whatever it answers', async () => {
    const { peer } = keep()
    for (const status of [200, 206, 404, 500, 503]) {
      const headers = { [PEER_HEADER]: toPeerHeader(peer), 'content-range': `bytes 0-0/${secret.length}` }
      const liar = Bun.serve({
        port: 0,
        hostname: '127.0.0.1',
        fetch: () => new Response('x', { status, headers }),
      })
      stack.defer(() => liar.stop(true))
      await expect(read(connect(), { ...peer, port: liar.port ?? 0 })).rejects.toMatchObject({
        code: 'unauthorized',
        message: 'peer host-1 does not prove that it holds the cluster key',
      })
    }
  })
})

describe('a host on the way between two keyed peers', () => {
  const onTheWay = { isOwnAddress: () => true }

  test('can neither read the bytes nor learn where on the Hub they are', async () => {
    const { peer, shelf } = keep(onTheWay)
    const between = relay(peer)
    expect((await read(connect(), between.peer)).equals(secret.subarray(0, -1))).toBe(true)
    const watching = connect().watchPieces(between.peer, oid, { signal: never, place })
    await watching.next()
    await watching.return(undefined)
    expect(shelf.askers.at(-1)?.place).toEqual(place)
    expect(between.kept().length).toBeGreaterThan(secret.length)
    expect(between.kept().includes('weights')).toBe(false)
    expect(between.seen.join()).not.toContain('hidden')
  })

  const flip: Change = (answer, body) => {
    body[body.length >> 1] = (body[body.length >> 1] ?? 0) ^ 1
    return new Response(body, answer)
  }
  const withHeader =
    (name: string, value: string): Change =>
    (answer, body) => {
      const headers = new Headers(answer.headers)
      headers.set(name, value)
      return new Response(body, { status: answer.status, headers })
    }

  test.each<[string, Change]>([
    ['its bytes', flip],
    ['its length', (answer, body) => new Response(body.subarray(0, -40), answer)],
    [
      'its status',
      (answer, body) => new Response(body, { status: 200, headers: new Headers(answer.headers) }),
    ],
    ['its range', withHeader('content-range', `bytes 0-9/${secret.length}`)],
    ['its load', withHeader('x-dfhf-load', '10/10')],
    ['its sender', withHeader(PEER_HEADER, toPeerHeader(samplePeer(2)))],
    ['its proof', withHeader('x-dfhf-proof', `v2 ${'0'.repeat(32)} ${'0'.repeat(64)}`)],
  ])('cannot change an answer (%s) so that it is believed, or its sender is blamed', async (_, change) => {
    const { peer } = keep(onTheWay)
    const failure = await read(connect(), relay(peer, change).peer).catch((error) => error)
    expect(['network', 'unauthorized']).toContain(failure.code)
  })

  test('cannot give an old answer to a new request', async () => {
    const { peer } = keep(onTheWay)
    let first: { readonly body: Uint8Array<ArrayBuffer>; readonly init: ResponseInit } | undefined
    const between = relay(peer, (answer, body) => {
      first ??= {
        body: Uint8Array.from(body),
        init: { status: answer.status, headers: new Headers(answer.headers) },
      }
      return new Response(first.body, first.init)
    })
    expect((await read(connect(), between.peer)).length).toBe(secret.length - 1)
    await expect(read(connect(), between.peer)).rejects.toMatchObject({ code: 'unauthorized' })
  })
})

test('where TLS is configured nothing is asked in clear, whatever was announced', async () => {
  const asked: string[] = []
  const plain = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: ({ url }) => {
      asked.push(url)
      return new Response('')
    },
  })
  stack.defer(() => plain.stop(true))
  const { peer } = keep()
  const client = connect({ needsTls: true })
  const port = plain.port ?? 0
  await expect(client.listPeers({ ...peer, port, usesTls: false }, never)).rejects.toMatchObject({
    code: 'network',
  })
  await expect(client.listPeers({ host: '127.0.0.1', port }, never)).rejects.toMatchObject({
    code: 'network',
  })
  expect(asked).toEqual([])
})
