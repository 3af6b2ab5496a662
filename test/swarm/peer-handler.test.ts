import { describe, expect, test } from 'bun:test'
import { hubMembers } from '../../src/schedule/ownership.ts'
import { MAX_HUB_MEMBERS } from '../../src/schedule/tuning.ts'
import { Membership } from '../../src/swarm/membership/membership.ts'
import { bodyDigest, formatWanted, readBundle } from '../../src/swarm/protocol/bundle-wire.ts'
import { PEER_HEADER, type PeerInfo, toPeerHeader } from '../../src/swarm/protocol/peer-info.ts'
import { parsePieceList, parsePlace } from '../../src/swarm/protocol/peer-target.ts'
import { PeerHandler, type PeerHandlerOptions } from '../../src/swarm/server/peer-handler.ts'
import { createClusterKey, signRequest } from '../../src/swarm/trust/cluster-key.ts'
import { MemoryBlob, MemoryShelf } from './memory-shelf.ts'
import { peerId, sampleOid, samplePeer } from './samples.ts'

const oid = sampleOid()
const MIB = 2 ** 20
const bytes = new Uint8Array(2.5 * MIB).map((_, index) => index % 251)

interface Setup {
  readonly handler: PeerHandler
  readonly shelf: MemoryShelf
  readonly members: Membership
  readonly blob: MemoryBlob
  ask(path: string, options?: AskOptions): Promise<Response>
}

interface AskOptions {
  readonly method?: string
  readonly body?: string
  readonly headers?: Record<string, string>
  readonly as?: PeerInfo
  readonly address?: string
  readonly port?: number
  readonly pending?: number
  readonly signal?: AbortSignal
}

function setUp(options: Partial<PeerHandlerOptions> = {}, clusterFingerprint?: string): Setup {
  const self = samplePeer(0, { addresses: [], clusterFingerprint })
  const members = new Membership({ selfId: self.id, clusterFingerprint, now: () => 0 })
  const shelf = new MemoryShelf()
  const blob = shelf.put(oid, new MemoryBlob(bytes))
  const handler = new PeerHandler({
    self: () => self,
    shelf,
    peers: members,
    heartbeatMs: 60_000,
    ...options,
  })
  return {
    handler,
    shelf,
    members,
    blob,
    ask(
      path,
      { method = 'GET', body, headers = {}, as, address = '10.0.0.9', port = 1, pending, signal } = {},
    ) {
      const request = new Request(`http://10.0.0.1:65002${path}`, {
        method,
        ...(body !== undefined && { body }),
        headers: { ...headers, ...(as && { [PEER_HEADER]: toPeerHeader({ ...as, addresses: [] }) }) },
        ...(signal && { signal }),
      })
      return handler.handle(request, { address, port, pending: () => pending })
    },
  }
}

async function* lines(response: Response): AsyncGenerator<Record<string, unknown>> {
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) yield JSON.parse(decoder.decode(chunk))
}

async function nextOf(iterator: AsyncIterator<Record<string, unknown>>): Promise<Record<string, unknown>> {
  const { done, value } = await iterator.next()
  if (done) throw new Error('the stream ended')
  return value
}

describe('ranges', () => {
  test('gives the bytes of verified pieces, long before the blob is complete', async () => {
    const { blob, ask } = setUp({ limits: { uploads: 10 } })
    blob.pieces.add(1)
    const response = await ask(`/v1/blobs/${oid}`, { headers: { range: `bytes=${MIB}-${MIB + 99}` } })
    expect(response.status).toBe(206)
    expect(response.headers.get('content-range')).toBe(`bytes ${MIB}-${MIB + 99}/${bytes.length}`)
    expect(response.headers.get('x-dfhf-load')).toBe('1/10')
    expect(await response.bytes()).toEqual(bytes.slice(MIB, MIB + 100))
  })

  test('gives the whole blob to one who asks for no range, once it is complete', async () => {
    const { blob, ask } = setUp()
    expect((await ask(`/v1/blobs/${oid}`)).status).toBe(503)
    blob.pieces.addAll()
    const response = await ask(`/v1/blobs/${oid}`)
    expect(response.status).toBe(200)
    expect(await response.bytes()).toEqual(bytes)
  })

  test('says that pieces are not here yet, not that it is busy', async () => {
    const { blob, ask } = setUp()
    blob.pieces.add(0)
    const response = await ask(`/v1/blobs/${oid}`, { headers: { range: `bytes=0-${MIB}` } })
    expect(response.status).toBe(503)
    expect(response.headers.get('retry-after')).toBe('1')
    expect(response.headers.get('x-dfhf-reason')).toBe('not here yet')
  })

  test('refuses ranges that are none with 416 and the size', async () => {
    const { blob, ask } = setUp()
    blob.pieces.addAll()
    for (const range of [`bytes=${bytes.length}-`, 'bytes=5-2', 'bytes=0-1,4-5', 'lines=1-2', 'bytes=-0']) {
      const response = await ask(`/v1/blobs/${oid}`, { headers: { range } })
      expect([range, response.status]).toEqual([range, 416])
      expect(response.headers.get('content-range')).toBe(`bytes */${bytes.length}`)
    }
  })

  test('answers an unknown blob and an unknown name with 404, another method with 405', async () => {
    const { ask } = setUp()
    expect((await ask(`/v1/blobs/${sampleOid('other')}`)).status).toBe(404)
    expect((await ask('/v1/blobs/../../etc/passwd')).status).toBe(404)
    expect((await ask(`/v1/blobs/${oid}?${'x'.repeat(5000)}`)).status).toBe(404)
    expect((await ask(`/v1/blobs/${oid}`, { method: 'DELETE' })).status).toBe(405)
  })

  test('refuses with Retry-After what is over the limit of one peer, and serves another one', async () => {
    const { blob, ask } = setUp({ limits: { uploads: 3, uploadsPerPeer: 2 } })
    blob.pieces.addAll()
    const statusOf = async (address: string, port: number) =>
      (await ask(`/v1/blobs/${oid}`, { address, port })).status
    expect([await statusOf('10.0.0.2', 1), await statusOf('10.0.0.2', 2)]).toEqual([200, 200])
    const refused = await ask(`/v1/blobs/${oid}`, { address: '10.0.0.2', port: 3 })
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
    expect(await statusOf('10.0.0.3', 1)).toBe(200)
    expect(await statusOf('10.0.0.4', 1)).toBe(503)
    // The next request on a connection means that the one before was answered.
    expect(await statusOf('10.0.0.2', 2)).toBe(200)
  })

  test('believes the server that uploads have ended', async () => {
    const { blob, ask } = setUp({ limits: { uploads: 2 } })
    blob.pieces.addAll()
    for (const port of [1, 2, 3, 4, 5]) {
      const response = await ask(`/v1/blobs/${oid}`, { port, pending: 1 })
      expect([port, response.status]).toEqual([port, 200])
    }
    expect((await ask(`/v1/blobs/${oid}`, { port: 6, pending: 2 })).status).toBe(200)
    expect((await ask(`/v1/blobs/${oid}`, { port: 7, pending: 3 })).status).toBe(503)
  })

  test('gives the place back when a stream has been sent, given up, or its peer has gone', async () => {
    const { blob, ask, handler } = setUp()
    blob.pieces.addAll()
    blob.asStream = (content) =>
      new ReadableStream({
        start(controller) {
          controller.enqueue(content)
          controller.close()
        },
      })
    const sent = await ask(`/v1/blobs/${oid}`, { port: 1 })
    const given = await ask(`/v1/blobs/${oid}`, { port: 2 })
    const gone = new AbortController()
    await ask(`/v1/blobs/${oid}`, { port: 3, signal: gone.signal })
    expect(handler.load().active).toBe(3)
    expect(await sent.bytes()).toEqual(bytes)
    await given.body?.cancel()
    gone.abort()
    expect(handler.load().active).toBe(0)
  })
})

describe('pieces', () => {
  test('tells in one document what is there and what is being fetched', async () => {
    const { blob, ask } = setUp()
    blob.pieces.add(2)
    blob.fetching = [0]
    const response = await ask(`/v1/blobs/${oid}/pieces`)
    expect(await response.json()).toMatchObject({
      v: 1,
      oid,
      peer: peerId(0),
      size: bytes.length,
      pieceSize: MIB,
      complete: false,
      have: 'IA==',
      fetching: [0],
      asksHub: true,
    })
  })

  test('pushes changes, merged when several come at once, and its goodbye', async () => {
    const { blob, ask, handler } = setUp()
    const stream = lines(await ask(`/v1/blobs/${oid}/pieces?watch=1`, { as: samplePeer(1) }))
    expect(await nextOf(stream)).toMatchObject({ v: 1, have: 'AA==' })
    const next = nextOf(stream)
    blob.change(() => blob.pieces.add(1))
    expect(await next).toMatchObject({ have: [1] })
    blob.change(() => blob.pieces.add(0))
    blob.change(() => {
      blob.pieces.delete(1)
      blob.fetching = [1]
    })
    expect(await nextOf(stream)).toMatchObject({ have: [0], lost: [1], fetching: [1] })
    handler.close()
    expect(await nextOf(stream)).toMatchObject({ bye: true })
    expect((await stream.next()).done).toBe(true)
    expect(blob.listeners.size).toBe(0)
    expect((await ask(`/v1/blobs/${oid}/pieces`)).status).toBe(503)
  })

  test('tells of a piece and of the next one that is begun a moment later in one message', async () => {
    const { blob, ask, handler } = setUp()
    const stream = lines(await ask(`/v1/blobs/${oid}/pieces?watch=1`, { as: samplePeer(1) }))
    await nextOf(stream)
    const next = nextOf(stream)
    blob.change(() => blob.pieces.add(1))
    setImmediate(() => blob.change(() => (blob.fetching = [2])))
    expect(await next).toMatchObject({ have: [1], fetching: [2] })
    handler.close()
  })

  test('tells a watcher in the end also of a piece that it has itself', async () => {
    const { blob, ask, handler } = setUp()
    const stream = lines(await ask(`/v1/blobs/${oid}/pieces?watch=1`, { as: samplePeer(1) }))
    await nextOf(stream)
    const next = nextOf(stream)
    blob.atPeers.add(1)
    blob.change(() => blob.pieces.add(1))
    expect(await next).toMatchObject({ have: [1] })
    handler.close()
  })

  test('says that it lives when nothing happens', async () => {
    const { ask, handler } = setUp({ heartbeatMs: 1, limits: { uploads: 10 } })
    const stream = lines(await ask(`/v1/blobs/${oid}/pieces?watch=1`, { as: samplePeer(1) }))
    await nextOf(stream)
    expect(await nextOf(stream)).toEqual({ load: { active: 0, limit: 10 } })
    handler.close()
  })

  test('introduces those who want the same blob to each other, also without having it', async () => {
    const { ask, handler, shelf } = setUp()
    const other = sampleOid('other')
    const path = `/v1/blobs/${other}/pieces?watch=1`
    const first = lines(await ask(path, { as: samplePeer(1), address: '10.0.0.1' }))
    const hello = await nextOf(first)
    expect(hello.members).toBeUndefined()
    expect(hello.size).toBeUndefined()
    const second = lines(await ask(path, { as: samplePeer(2), address: '10.0.0.2' }))
    expect(await nextOf(second)).toMatchObject({ members: [{ id: peerId(1), addresses: ['10.0.0.1'] }] })
    expect(await nextOf(first)).toMatchObject({ members: [{ id: peerId(2), addresses: ['10.0.0.2'] }] })
    const appeared = nextOf(first)
    shelf.put(other, new MemoryBlob(bytes))
    expect(await appeared).toMatchObject({ v: 1, size: bytes.length })
    handler.close()
  })

  test('lets go of everything when a watcher is gone', async () => {
    const { ask, blob, shelf, handler } = setUp({ limits: { watchersPerPeer: 1 } })
    const path = `/v1/blobs/${oid}/pieces?watch=1`
    const gone = new AbortController()
    const stream = lines(await ask(path, { as: samplePeer(1), signal: gone.signal }))
    await nextOf(stream)
    expect((await ask(path, { as: samplePeer(1) })).status).toBe(503)
    gone.abort()
    expect([blob.listeners.size, shelf.listenerCount]).toEqual([0, 0])
    expect((await ask(path, { as: samplePeer(1) })).status).toBe(200)
    handler.close()
  })

  test('says to one more than may listen that it fetches from the Hub, but lets those of the highest ranks in', async () => {
    const { ask, blob, handler } = setUp({ limits: { watchers: 32 } })
    const ids = Array.from({ length: 200 }, (_, n) => peerId(n + 1))
    const order = hubMembers(oid, ids, ids.length)
    const numbers = new Map<string, number>(ids.map((id, n) => [id, n + 1]))
    let asked = 0
    const watch = (id = '') => {
      asked += 1
      const as = samplePeer(numbers.get(id) ?? 0)
      return ask(`/v1/blobs/${oid}/pieces?watch=1`, { as, address: `10.0.1.${asked}` })
    }
    const reasonOf = async (id = '') => (await watch(id)).headers.get('x-dfhf-reason')
    for (const id of order.slice(MAX_HUB_MEMBERS, MAX_HUB_MEMBERS + 30))
      expect((await watch(id)).status).toBe(200)
    blob.asksHub = false
    expect(await reasonOf(order[199])).toBe('too many watchers')
    blob.asksHub = true
    expect(await reasonOf(order[199])).toBe('too many watchers of what is fetched here')
    for (const id of order.slice(0, 2)) expect((await watch(id)).status).toBe(200)
    expect(await reasonOf(order[2])).toBe('too many watchers of what is fetched here')
    handler.close()
  })

  test('tells the shelf where on the Hub the blob is, when the asker says so', async () => {
    const { ask, shelf } = setUp()
    const query = new URLSearchParams({ repo: 'datasets/a/b', commit: 'c'.repeat(40), path: 'x/y.bin' })
    await ask(`/v1/blobs/${oid}/pieces?${query}`)
    expect(shelf.askers[0]?.place).toEqual({ repo: 'datasets/a/b', commit: 'c'.repeat(40), path: 'x/y.bin' })
  })
})

describe('the other answers', () => {
  test('computes digests of the pieces that are there', async () => {
    const { blob, ask } = setUp()
    blob.pieces.add(0)
    blob.pieces.add(2)
    const response = await ask(`/v1/blobs/${oid}/digests?pieces=0-2`)
    const { digests } = (await response.json()) as { digests: Record<string, string> }
    expect(Object.keys(digests)).toEqual(['0', '2'])
    expect((await ask(`/v1/blobs/${oid}/digests?pieces=3`)).status).toBe(400)
    expect((await ask(`/v1/blobs/${oid}/digests`)).status).toBe(400)
  })

  test('knows a peer from its first request on and tells others of it', async () => {
    const { ask, members } = setUp()
    await ask('/v1/peers', { as: samplePeer(1), address: '10.9.9.9' })
    expect(members.live()).toMatchObject([{ id: peerId(1), addresses: ['10.9.9.9'] }])
    expect(await (await ask('/v1/peers')).json()).toMatchObject({
      self: { id: peerId(0) },
      peers: [{ ageMs: 0 }],
    })
    await ask('/v1/bye', { method: 'POST', as: samplePeer(1), address: '10.9.9.8' })
    expect(members.live()).toHaveLength(1)
    await ask('/v1/bye', { method: 'POST', as: samplePeer(1), address: '10.9.9.9' })
    expect(members.live()).toHaveLength(0)
  })

  test('refuses a banned peer and one that introduces itself with garbage', async () => {
    const { ask, members } = setUp()
    members.heard(samplePeer(1), 'direct')
    members.ban(peerId(1), 'sent wrong bytes', 1000)
    const address = '10.0.0.1'
    expect((await ask('/v1/peers', { as: samplePeer(1), address })).status).toBe(403)
    // Another host may have that id, or say so.
    expect((await ask('/v1/peers', { as: samplePeer(1) })).status).toBe(200)
    expect((await ask('/v1/peers', { headers: { [PEER_HEADER]: '%zz' } })).status).toBe(400)
  })

  test('tells of a peer that introduced itself only once it has proven where it is', async () => {
    const proofs = new Map<string, PromiseWithResolvers<boolean>>()
    const greet = (peer: PeerInfo) => {
      const proof = Promise.withResolvers<boolean>()
      proofs.set(`${peer.id} ${peer.addresses}`, proof)
      return proof.promise
    }
    const { ask, members, handler } = setUp({ greet })
    const path = `/v1/blobs/${oid}/pieces?watch=1`
    const liar = lines(await ask(path, { as: samplePeer(1), address: '10.6.6.6' }))
    const honest = lines(await ask(path, { as: samplePeer(2), address: '10.0.0.2' }))
    const witness = lines(await ask(path, { as: samplePeer(3), address: '10.0.0.3' }))
    for (const stream of [liar, honest, witness]) expect((await nextOf(stream)).members).toBeUndefined()
    expect(members.live()).toEqual([])
    proofs.get(`${peerId(1)} 10.6.6.6`)?.resolve(false)
    proofs.get(`${peerId(2)} 10.0.0.2`)?.resolve(true)
    proofs.get(`${peerId(3)} 10.0.0.3`)?.resolve(true)
    expect(await nextOf(witness)).toMatchObject({ members: [{ id: peerId(2), addresses: ['10.0.0.2'] }] })
    handler.close()
  })

  test('takes nothing from a header but the sender itself, at its own address', async () => {
    const greeted: PeerInfo[] = []
    const greet = async (peer: PeerInfo) => greeted.push(peer) > 0
    const { handler } = setUp({ greet })
    const named = samplePeer(1, { addresses: ['169.254.169.254', '10.0.0.7'], port: 80 })
    const request = new Request('http://10.0.0.1:65002/v1/peers', {
      headers: { [PEER_HEADER]: toPeerHeader(named) },
    })
    await handler.handle(request, { address: '10.0.0.9', port: 1, pending: () => undefined })
    expect(greeted).toEqual([{ ...named, addresses: ['10.0.0.9'] }])
  })

  test('says in every answer who gives it', async () => {
    const { ask, blob, shelf, members, handler } = setUp({ limits: { uploads: 1 } })
    const statuses: number[] = []
    const note = async (path: string, options?: AskOptions) => {
      const response = await ask(path, options)
      expect(response.headers.get(PEER_HEADER)).toContain(peerId(0))
      statuses.push(response.status)
    }
    const path = `/v1/blobs/${oid}`
    await note(path)
    blob.pieces.addAll()
    await note(path, { method: 'HEAD' })
    await note(path, { headers: { range: 'bytes=0-9' } })
    await note(path, { headers: { range: 'bytes=9-1' } })
    await note(path, { port: 2 })
    await note('/nothing')
    await note(path, { method: 'DELETE' })
    await note('/v1/peers', { headers: { [PEER_HEADER]: '%zz' } })
    members.heard(samplePeer(1), 'direct')
    members.ban(peerId(1), 'sent wrong bytes', 1000)
    await note('/v1/peers', { as: samplePeer(1), address: '10.0.0.1' })
    shelf.find = () => Promise.reject(new Error('broken'))
    await note(path)
    handler.close()
    await note('/v1/peers')
    expect(statuses).toEqual([503, 200, 206, 416, 503, 404, 405, 400, 403, 500, 503])
  })

  test('hides a failure of the shelf from the other side', async () => {
    const { ask, shelf } = setUp()
    shelf.find = () => Promise.reject(new Error('secret path'))
    const response = await ask(`/v1/blobs/${oid}`)
    expect([response.status, await response.text()]).toEqual([500, '{"error":"failed"}\n'])
  })
})

describe('many small blobs', () => {
  const small = ['a', 'b', 'c'].map((text) => ({ oid: sampleOid(text), bytes: Buffer.from(text.repeat(40)) }))
  const wanted = formatWanted([...small.map((each) => each.oid), sampleOid('not here'), oid])
  const target = `/v1/blobs?body=${bodyDigest(wanted)}`
  const put = ({ shelf }: Setup) =>
    small.map(({ oid: name, bytes: content }) => {
      const blob = shelf.put(name, new MemoryBlob(content))
      blob.pieces.addAll()
      return blob
    })
  const sizes = new Map(small.map((each) => [each.oid, each.bytes.length]))
  const namesIn = async (response: Response) =>
    (
      await Array.fromAsync(
        readBundle(response.body ?? expect.unreachable(), { wanted: sizes, sender: 'bob' }),
      )
    ).flatMap(({ blobs }) => blobs.map((blob) => [blob.oid, Buffer.from(blob.bytes).toString()]))

  test('come by one request: those that are here whole, and none that is large', async () => {
    const setup = setUp()
    put(setup)
    setup.blob.pieces.addAll()
    const response = await setup.ask(target, { method: 'POST', body: wanted })
    expect(response.status).toBe(200)
    expect(await namesIn(response)).toEqual(small.map((each) => [each.oid, each.bytes.toString()]))
    expect(setup.handler.load(0).active).toBe(0)
  })

  test('are found for the asker alone, as each of them would be', async () => {
    const setup = setUp()
    const [first] = put(setup)
    if (first) first.isPrivate = true
    const response = await setup.ask(target, { method: 'POST', body: wanted })
    expect((await namesIn(response)).map(([name]) => name)).toEqual(small.slice(1).map((each) => each.oid))
    expect(setup.shelf.askers.every(({ place }) => place === undefined)).toBe(true)
  })

  test('are asked for by a body that its address names, of no more than is allowed', async () => {
    const { ask } = setUp()
    const statusOf = async (body: string, path = `/v1/blobs?body=${bodyDigest(body)}`) =>
      (await ask(path, { method: 'POST', body })).status
    expect(await statusOf(wanted, '/v1/blobs')).toBe(400)
    expect(await statusOf(`${wanted}\n${sampleOid('more')}`, target)).toBe(400)
    expect(await statusOf('nonsense')).toBe(400)
    expect((await ask(target)).status).toBe(405)
  })

  test('count as an upload while they are sent', async () => {
    const setup = setUp({ limits: { uploads: 1 } })
    put(setup)
    const ask = async (port: number, pending: number) =>
      (await setup.ask(target, { method: 'POST', body: wanted, port, pending })).status
    expect(await ask(1, 1)).toBe(200)
    // While the first one is being sent two requests are not answered to the end, and then one.
    expect(await ask(2, 2)).toBe(503)
    expect(await ask(2, 1)).toBe(200)
  })
})

describe('digests', () => {
  const clock = { now: 0 }
  const hashedBytes = { perSecond: MIB, saved: 8 * MIB, now: () => clock.now }
  const digestsOf = async (response: Response) =>
    Object.keys(((await response.json()) as { digests: object }).digests).length

  test('are named as far as the budget of an address goes, and then it is told when to come back', async () => {
    const { ask, blob } = setUp({ hashedBytes })
    blob.pieces.addAll()
    const path = `/v1/blobs/${oid}/digests?pieces=0-2`
    expect(await digestsOf(await ask(path))).toBe(2)
    const refused = await ask(path)
    expect(refused.status).toBe(503)
    const retryAfter = Number(refused.headers.get('retry-after'))
    expect(retryAfter).toBeGreaterThanOrEqual(1)
    expect(await digestsOf(await ask(path, { address: '10.0.0.10' }))).toBe(2)
    clock.now += retryAfter * 1_000
    expect(await digestsOf(await ask(path))).toBeGreaterThan(0)
  })
})

describe('privacy', () => {
  const key = createClusterKey('correct horse battery staple')

  test('does not admit that a private blob exists when there is no key', async () => {
    const { ask, blob } = setUp()
    blob.isPrivate = true
    blob.pieces.addAll()
    const unknown = await ask(`/v1/blobs/${sampleOid('other')}`)
    for (const path of ['', '/pieces', '/digests?pieces=0']) {
      const response = await ask(`/v1/blobs/${oid}${path}`)
      expect([response.status, await response.text()]).toEqual([404, await unknown.clone().text()])
    }
  })

  test('answers nothing but the health check to one without the key', async () => {
    const { ask, blob, members } = setUp({ key }, key.fingerprint)
    blob.pieces.addAll()
    const member = samplePeer(1, { clusterFingerprint: key.fingerprint })
    members.heard(member, 'direct')
    const [address] = member.addresses
    const ofBlob = ['', '/pieces', '/pieces?watch=1', '/digests?pieces=0'].map(
      (part) => `/v1/blobs/${oid}${part}`,
    )
    const body = formatWanted([oid])
    const bundle = await ask(`/v1/blobs?body=${bodyDigest(body)}`, { method: 'POST', body, as: member })
    expect(bundle.status).toBe(401)
    for (const path of [...ofBlob, '/v1/peers'])
      expect([path, (await ask(path, { as: member, ...(address && { address }) })).status]).toEqual([
        path,
        401,
      ])
    const bye = await ask('/v1/bye', { method: 'POST', as: member, ...(address && { address }) })
    expect([bye.status, members.live()]).toEqual([401, [member]])
    expect((await ask('/healthz')).status).toBe(200)
  })

  test('serves a private blob to a holder of the key, once for one signature', async () => {
    const at = 'http://10.0.0.1:65002'
    const isOwnAddress = (dialled: string) => dialled === at
    const { ask, blob } = setUp({ key, now: () => 1_000_000, isOwnAddress }, key.fingerprint)
    blob.isPrivate = true
    blob.pieces.addAll()
    const target = `/v1/blobs/${oid}`
    const request = { method: 'GET', target, range: 'bytes=0-9', contact: undefined }
    const auth = signRequest(key, request, { to: peerId(0), at, now: 1_000_000 })
    const send = (range: string, header: string) => ask(target, { headers: { range, 'x-dfhf-auth': header } })
    expect((await send('bytes=0-9', auth)).status).toBe(206)
    expect((await send('bytes=0-9', auth)).headers.get('x-dfhf-reason')).toBe('seen before')
    const fresh = signRequest(key, request, { to: peerId(0), at, now: 1_000_000 })
    expect((await send('bytes=0-99', fresh)).status).toBe(401)
    const toAnyone = signRequest(key, request, { to: '*', at, now: 1_000_000 })
    expect((await send('bytes=0-9', toAnyone)).headers.get('x-dfhf-reason')).toBe('meant for another peer')
  })
})

describe('targets', () => {
  test('reads lists of pieces and bounds them', () => {
    expect(parsePieceList('1,2,5-7', 8)).toEqual([1, 2, 5, 6, 7])
    for (const bad of ['', '8', '3-1', '1,', 'x', '0-7'])
      expect(parsePieceList(bad, bad === '0-7' ? 7 : 8)).toBeUndefined()
    expect(parsePieceList('0-255', 1000)).toHaveLength(256)
    expect(parsePieceList('0-256', 1000)).toBeUndefined()
    expect(parsePieceList('0-200,300-400', 1000)).toBeUndefined()
  })

  test('takes only well-formed places on the Hub', () => {
    const good = { repo: 'org/name', commit: 'a'.repeat(40), path: 'dir/model.safetensors' }
    expect(parsePlace(new URLSearchParams(good))).toEqual(good)
    const bad = [
      { repo: 'a/../b' },
      { repo: '../b' },
      { commit: 'main' },
      { path: '../x' },
      { path: 'a\nb' },
      { path: '' },
    ]
    for (const change of bad) expect(parsePlace(new URLSearchParams({ ...good, ...change }))).toBeUndefined()
  })
})
