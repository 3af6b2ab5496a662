import { afterEach, describe, expect, test } from 'bun:test'
import { pieceDigest } from '../../src/blob/digest.ts'
import { createHttpClient } from '../../src/http/http-client.ts'
import { type PeerServer, startPeerServer } from '../../src/peer/peer-server.ts'
import { PeerClient, type PeerClientOptions } from '../../src/swarm/client/peer-client.ts'
import { RemotePieces } from '../../src/swarm/client/remote-pieces.ts'
import { Membership } from '../../src/swarm/membership/membership.ts'
import { encodePeer, PEER_HEADER, type PeerInfo, toPeerHeader } from '../../src/swarm/protocol/peer-info.ts'
import type { PiecesMessage } from '../../src/swarm/protocol/peer-wire.ts'
import { PeerHandler, type PeerHandlerOptions } from '../../src/swarm/server/peer-handler.ts'
import { createClusterKey } from '../../src/swarm/trust/cluster-key.ts'
import { bytesOf } from '../support/http/bytes-of.ts'
import { MemoryBlob, MemoryShelf } from './memory-shelf.ts'
import { peerId, sampleOid, samplePeer } from './samples.ts'

const oid = sampleOid()
const MIB = 2 ** 20
const bytes = new Uint8Array(2.5 * MIB).map((_, index) => index % 251)
const never = new AbortController().signal
const cleanups: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

interface Host {
  readonly peer: PeerInfo
  readonly shelf: MemoryShelf
  readonly blob: MemoryBlob
  readonly members: Membership
  readonly server: PeerServer
}

function serve(
  n: number,
  options: Partial<PeerHandlerOptions> = {},
  host?: string,
  addresses: readonly string[] = ['127.0.0.1'],
): Host {
  let peer = samplePeer(n, { addresses, clusterFingerprint: options.key?.fingerprint })
  const { clusterFingerprint } = peer
  const members = new Membership({ selfId: peer.id, clusterFingerprint, now: () => 0 })
  const shelf = new MemoryShelf()
  const blob = shelf.put(oid, new MemoryBlob(bytes))
  const handler = new PeerHandler({ self: () => peer, shelf, peers: members, ...options })
  const server = startPeerServer({ handler, port: 0, host })
  cleanups.push(() => server.close({ isNow: true }))
  peer = { ...peer, port: server.port }
  return { peer, shelf, blob, members, server }
}

/** A server that answers every request in its own way. */
function serveRaw(n: number, answer: (request: Request) => Response): PeerInfo {
  let peer = samplePeer(n, { addresses: ['127.0.0.1'] })
  const server = startPeerServer({
    port: 0,
    handler: {
      async handle(request) {
        const response = answer(request)
        response.headers.set(PEER_HEADER, toPeerHeader(peer))
        return response
      },
      close() {},
    },
  })
  cleanups.push(() => server.close({ isNow: true }))
  peer = { ...peer, port: server.port }
  return peer
}

function connect(options: Partial<PeerClientOptions> = {}): PeerClient {
  const http = createHttpClient()
  cleanups.push(() => http.close())
  return new PeerClient({ http, self: () => samplePeer(99, { addresses: [], port: 7 }), ...options })
}

async function next(messages: AsyncIterator<PiecesMessage>): Promise<PiecesMessage> {
  const { done, value } = await messages.next()
  if (done) throw new Error('the stream ended')
  return value
}

describe('peer client', () => {
  test('follows a blob as it grows on another peer and fetches its pieces', async () => {
    const { peer, blob, server } = serve(1, { limits: { uploads: 10 } })
    const client = connect()
    const remote = new RemotePieces()
    const messages = client.watchPieces(peer, oid, { signal: never, size: bytes.length })
    remote.apply(await next(messages))
    blob.change(() => blob.pieces.add(1))
    remote.apply(await next(messages))
    expect([...(remote.pieces ?? [])]).toEqual([1])

    const range = { start: MIB, end: 2 * MIB }
    const { body, load } = await client.openRange(peer, oid, { range, size: bytes.length, signal: never })
    expect(await bytesOf(body)).toEqual(Buffer.from(bytes.slice(MIB, 2 * MIB)))
    expect(load).toEqual({ active: 1, limit: 10 })
    const digests = await client.digestsOf(peer, oid, { pieces: [0, 1], size: bytes.length, signal: never })
    expect(digests).toEqual(new Map([[1, pieceDigest(bytes.slice(MIB, 2 * MIB))]]))

    const closed = server.close()
    remote.apply(await next(messages))
    expect(remote.isLeaving).toBe(true)
    expect((await messages.next()).done).toBe(true)
    await closed
  })

  test('makes itself known to whom it asks, and two who ask for one blob to each other', async () => {
    const { peer, members } = serve(1)
    const [a, b] = [connect(), connect({ self: () => samplePeer(98, { addresses: [], port: 8 }) })]
    const other = sampleOid('other')
    const first = a.watchPieces(peer, other, { signal: never })
    expect(await next(first)).toMatchObject({ type: 'document', blob: undefined, members: [] })
    expect(members.live()).toMatchObject([{ id: peerId(99), addresses: ['127.0.0.1'], port: 7 }])
    const second = b.watchPieces(peer, other, { signal: never })
    expect(await next(second)).toMatchObject({ members: [{ id: peerId(99), port: 7 }] })
    expect(await next(first)).toMatchObject({ members: [{ id: peerId(98), port: 8 }] })
    for (const messages of [first, second]) await messages.return(undefined)
  })

  test('lets the other side go as soon as it stops to watch', async () => {
    const { peer, blob } = serve(1)
    const stop = new AbortController()
    const messages = connect().watchPieces(peer, oid, { signal: stop.signal })
    await next(messages)
    const isReleased = new Promise<void>((resolve) => {
      const { delete: remove } = blob.listeners
      blob.listeners.delete = (listener) => {
        resolve()
        return remove.call(blob.listeners, listener)
      }
    })
    stop.abort()
    await expect(messages.next()).rejects.toThrow('aborted')
    await isReleased
    expect(blob.listeners.size).toBe(0)
  })

  test('lists the peers that another one knows, with its own address as it was reached', async () => {
    const { peer, members } = serve(1)
    members.heard(samplePeer(2), 'direct')
    const listing = await connect({ self: () => undefined }).listPeers(
      { host: '127.0.0.1', port: peer.port },
      never,
    )
    expect(listing.self).toEqual(peer)
    expect(listing.peers).toEqual([{ peer: samplePeer(2), ageMs: 0 }])
    expect(members.live()).toHaveLength(1)
  })

  test('tries the addresses of a peer in turn and reports the one that answered', async () => {
    const { peer } = serve(1, {}, '127.0.0.1')
    const heard: string[] = []
    const client = connect({ onHeard: ({ name }, address) => heard.push(`${name} ${address}`) })
    // Nothing listens on the first address.
    await client.health({ ...peer, addresses: ['127.0.0.9', '127.0.0.1'] }, never)
    expect(heard.at(-1)).toBe('host-1 127.0.0.1')
  })

  test('does not take another peer at the same address for the one it meant', async () => {
    const { peer } = serve(1)
    const meant = { ...samplePeer(2), addresses: peer.addresses, port: peer.port }
    await expect(connect().health(meant, never)).rejects.toMatchObject({
      code: 'network',
      message: `another peer than host-2 answers at 127.0.0.1:${peer.port}`,
    })
  })

  test('tells busy, not here yet and not here at all apart', async () => {
    const { peer, blob } = serve(1, { limits: { uploads: 0 } })
    const client = connect()
    const options = { range: { start: 0, end: 9 }, size: bytes.length, signal: never }
    await expect(client.openRange(peer, sampleOid('other'), options)).rejects.toMatchObject({
      code: 'not-cached',
      retryable: false,
    })
    await expect(client.openRange(peer, oid, options)).rejects.toMatchObject({
      code: 'not-cached',
      retryable: true,
      retryAfterMs: 1000,
    })
    blob.pieces.add(0)
    await expect(client.openRange(peer, oid, options)).rejects.toMatchObject({
      code: 'rate-limited',
      retryable: true,
      retryAfterMs: 1000,
    })
  })

  test('calls no peer a liar that is in trouble, answers without a header or is another one by now', async () => {
    const options = { range: { start: 0, end: 9 }, size: bytes.length, signal: never }
    for (const status of [400, 404, 405, 413, 429, 431, 500, 502, 503]) {
      const troubled = serveRaw(1, () => new Response('no', { status }))
      const failure = await connect()
        .openRange(troubled, oid, options)
        .catch((error) => error)
      expect([status, failure.code]).not.toEqual([status, 'bad-response'])
    }
    const bare = Bun.serve({ port: 0, fetch: () => new Response('no', { status: 500 }) })
    cleanups.push(() => bare.stop(true))
    const port = bare.port ?? 0
    const known = samplePeer(1, { addresses: ['127.0.0.1'], port })
    await expect(connect().openRange(known, oid, options)).rejects.toMatchObject({ code: 'network' })
  })

  test('tells where a peer failed, and where it answered', async () => {
    const { peer } = serve(1, {}, '127.0.0.1')
    const told: string[] = []
    const client = connect({
      onHeard: (_, address) => told.push(`answered at ${address}`),
      onFailed: (_, address) => told.push(`failed at ${address}`),
    })
    await client.health({ ...peer, addresses: ['127.0.0.9', '127.0.0.1'] }, never)
    expect(told).toEqual(['failed at 127.0.0.9', 'answered at 127.0.0.1'])
  })

  test('takes no address from an answer but the one that was asked, unless the key vouches for it', async () => {
    const key = createClusterKey('correct horse battery staple')
    for (const options of [{}, { key }]) {
      const elsewhere = ['10.6.6.6', '127.0.0.1']
      const { peer } = serve(1, options, '127.0.0.1', elsewhere)
      const heard: (readonly string[])[] = []
      const client = connect({ ...options, onHeard: ({ addresses }) => heard.push(addresses) })
      await client.health({ ...peer, addresses: ['127.0.0.1'] }, never)
      await client.listPeers({ ...peer, addresses: ['127.0.0.1'] }, never)
      const expected = !('key' in options) ? ['127.0.0.1'] : ['127.0.0.1', '10.6.6.6']
      expect(heard).toEqual([expected, expected])
    }
  })

  test('takes a bounded list of peers from another one', async () => {
    const listing = (count: number, filler = '') => {
      let self = samplePeer(1, { addresses: ['127.0.0.1'] })
      const peers = Array.from({ length: count }, (_, n) => ({ ...encodePeer(samplePeer(n + 2)), ageMs: 0 }))
      self = serveRaw(1, () => Response.json({ v: 1, self: encodePeer(self), peers, filler }))
      return connect().listPeers(self, never)
    }
    expect((await listing(256)).peers).toHaveLength(256)
    await expect(listing(257)).rejects.toMatchObject({ code: 'bad-response' })
    await expect(listing(1, 'x'.repeat(2 ** 20))).rejects.toMatchObject({ code: 'bad-response' })
  })

  test('does not take one peer for two', async () => {
    const other = serveRaw(1, () =>
      Response.json({ v: 1, self: { ...samplePeer(2), addresses: [] }, peers: [] }),
    )
    await expect(connect().listPeers(other, never)).rejects.toMatchObject({ code: 'bad-response' })
  })

  test('signs its requests, and says what is wrong when the key is another one', async () => {
    const key = createClusterKey('correct horse battery staple')
    const { peer, blob } = serve(1, { key })
    blob.isPrivate = true
    blob.pieces.addAll()
    const options = { range: { start: 0, end: 9 }, size: bytes.length, signal: never }
    const { body } = await connect({ key }).openRange(peer, oid, options)
    expect(await bytesOf(body)).toEqual(Buffer.from(bytes.slice(0, 9)))
    const listing = await connect({ key }).listPeers({ host: '127.0.0.1', port: peer.port }, never)
    expect(listing.self.id).toBe(peer.id)
    const wrong = connect({ key: createClusterKey('another key of some length') })
    await expect(wrong.openRange(peer, oid, options)).rejects.toMatchObject({
      code: 'unauthorized',
      message: 'peer host-1 refuses our requests: signed with another key',
    })
    const late = connect({ key, now: () => Date.now() - 60_000 })
    await expect(late.openRange(peer, oid, options)).rejects.toThrow('signed too long ago or in the future')
  })

  const wrongSize = { v: 1, oid, peer: peerId(1), load: { active: 0, limit: 1 }, size: 3 }

  test.each([
    ['garbage', () => new Response('<html>\n')],
    ['a blob of another size', () => new Response(`${JSON.stringify(wrongSize)}\n`)],
    ['a line without end', () => new Response('x'.repeat(2 ** 22))],
  ])('throws an error that names the peer when it sends %s', async (_, answer) => {
    const peer = serveRaw(1, answer)
    const messages = connect().watchPieces(peer, oid, { signal: never, size: bytes.length })
    await expect(messages.next()).rejects.toMatchObject({
      code: 'bad-response',
      message: expect.stringContaining('peer host-1 sent'),
    })
  })

  test('refuses other bytes than asked for, and too few', async () => {
    const options = { range: { start: 0, end: 9 }, size: bytes.length, signal: never }
    const other = serveRaw(
      1,
      () =>
        new Response('123456789', { status: 206, headers: { 'content-range': `bytes 1-9/${bytes.length}` } }),
    )
    await expect(connect().openRange(other, oid, options)).rejects.toMatchObject({ code: 'bad-response' })
    const whole = serveRaw(2, () => new Response('123456789'))
    await expect(connect().openRange(whole, oid, options)).rejects.toMatchObject({ code: 'bad-response' })
    const short = serveRaw(
      3,
      () => new Response('1234', { status: 206, headers: { 'content-range': `bytes 0-8/${bytes.length}` } }),
    )
    await expect(connect().openRange(short, oid, options)).rejects.toMatchObject({ code: 'bad-response' })
  })

  test('gives up a peer that does not answer or falls silent', async () => {
    const silent = serveRaw(
      1,
      () => new Response(new ReadableStream({ start: (c) => c.enqueue(Buffer.from('\n')) })),
    )
    const client = connect({ headersTimeoutMs: 200, bodyTimeoutMs: 200 })
    await expect(client.watchPieces(silent, oid, { signal: never }).next()).rejects.toMatchObject({
      code: 'timeout',
    })
  })

  test('is not confused by one who answers without an introduction', async () => {
    const server = Bun.serve({ port: 0, fetch: () => new Response('hello') })
    cleanups.push(() => server.stop(true))
    const stranger = { host: '127.0.0.1', port: server.port ?? 0 }
    await expect(connect().health(stranger, never)).rejects.toMatchObject({ code: 'bad-response' })
  })
})
