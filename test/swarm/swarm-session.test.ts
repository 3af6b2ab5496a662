import { afterEach, expect, test } from 'bun:test'
import { type Log, silentLog } from '../../src/base/log.ts'
import { createHttpClient, type HttpClient } from '../../src/http/http-client.ts'
import { RateGate } from '../../src/http/rate-gate.ts'
import { startPeerServer } from '../../src/peer/peer-server.ts'
import type { SwarmListener } from '../../src/swarm/client/blob-swarm.ts'
import { PeerClient } from '../../src/swarm/client/peer-client.ts'
import { SwarmSession } from '../../src/swarm/client/swarm-session.ts'
import { Membership } from '../../src/swarm/membership/membership.ts'
import type { PeerInfo } from '../../src/swarm/protocol/peer-info.ts'
import { PeerHandler } from '../../src/swarm/server/peer-handler.ts'
import { MemoryBlob, MemoryShelf } from './memory-shelf.ts'
import { peerId, sampleOid, samplePeer } from './samples.ts'

const oid = sampleOid()
const size = 3 * 2 ** 20
let cleanups = new AsyncDisposableStack()
afterEach(async () => {
  const old = cleanups
  cleanups = new AsyncDisposableStack()
  await old.disposeAsync()
})

/** Says which peers joined and left, in order; `next` waits for the one after those that were read. */
class Arrivals implements SwarmListener {
  readonly #events: string[] = []
  #wake: () => void = () => {}

  async next(): Promise<string> {
    for (;;) {
      const event = this.#events.shift()
      if (event !== undefined) return event
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  peerCrowded(id: string): void {
    this.#say(`crowded ${id}`)
  }

  peerJoined({ id }: { readonly id: string }): void {
    this.#say(`joined ${id}`)
  }

  peerLeft(id: string): void {
    this.#say(`left ${id}`)
  }

  peerHas(): void {}
  peerLost(): void {}
  peerAsksHub(): void {}
  peerFetches(): void {}
  peerLoad(): void {}

  #say(event: string): void {
    this.#events.push(event)
    this.#wake()
  }
}

/** A session that knows one peer, which serves on loopback. */
interface MeetOptions {
  readonly shunMs?: number
  readonly log?: Log
  /** Listeners that the peer has room for. */
  readonly watchers?: number
}

function meet({ log = silentLog, watchers = 8, ...options }: MeetOptions = {}) {
  const stack = cleanups
  const shelf = new MemoryShelf()
  const blob = shelf.put(oid, new MemoryBlob(new Uint8Array(size)))
  let peer: PeerInfo = samplePeer(1, { addresses: ['127.0.0.1'] })
  const serveAt = (host: string, port: number) => {
    const handler = new PeerHandler({
      self: () => peer,
      shelf,
      peers: { sample: () => [], heard: () => true, saidBye: () => {}, isBanned: () => false },
      limits: { watchers },
    })
    const server = startPeerServer({ handler, host, port })
    stack.defer(() => server.close({ isNow: true }))
    return server
  }
  const server = serveAt('127.0.0.1', 0)
  peer = { ...peer, port: server.port }
  const membership = new Membership({
    selfId: peerId(0),
    clusterFingerprint: undefined,
    now: () => performance.now(),
  })
  membership.heard(peer, 'direct')
  const http = stack.use(createHttpClient())
  const self = () => samplePeer(0)
  const session = new SwarmSession(
    {
      selfId: peerId(0),
      searched: Promise.resolve(),
      membership,
      client: new PeerClient({ http, self }),
      log,
      onJoin: () => () => {},
    },
    { oid, size, place: async () => undefined },
    options,
  )
  stack.defer(() => session.close())
  const arrivals = new Arrivals()
  session.watch(arrivals)
  return { session, blob, arrivals, membership, id: peer.id, peer, server, serveAt }
}

test('a peer that is shunned leaves at once and is asked again after a while', async () => {
  const { session, arrivals, id } = meet({ shunMs: 20 })
  expect(await arrivals.next()).toBe(`joined ${id}`)
  session.shun(id, 'it sends nothing')
  expect(await arrivals.next()).toBe(`left ${id}`)
  expect(await arrivals.next()).toBe(`joined ${id}`)
})

test('a peer that shares the Hub and has no room for one more listener is told of, until it shares no longer', async () => {
  const { arrivals, blob, id } = meet({ watchers: 0 })
  expect(await arrivals.next()).toBe(`crowded ${id}`)
  blob.asksHub = false
  let event = await arrivals.next()
  while (event === `crowded ${id}`) event = await arrivals.next()
  expect(event).toBe(`left ${id}`)
})

test('a peer that is banned leaves at once', async () => {
  const { session, arrivals, membership, id } = meet()
  expect(await arrivals.next()).toBe(`joined ${id}`)
  session.ban(id, 'it lies')
  expect(await arrivals.next()).toBe(`left ${id}`)
  expect(membership.live()).toEqual([])
})

test('bytes are blamed on the place where the peer was asked for them, not on its id', async () => {
  const { session, arrivals, membership, id, peer } = meet()
  expect(await arrivals.next()).toBe(`joined ${id}`)
  const range = { start: 0, end: 9 }
  await expect(session.open(id, range, AbortSignal.timeout(10_000))).rejects.toMatchObject({
    code: 'not-cached',
  })
  membership.heard({ ...peer, addresses: ['127.0.0.2'] }, 'announced', 0, '127.0.0.2')
  session.ban(id, 'it lies')
  expect(await arrivals.next()).toBe(`left ${id}`)
  expect(membership.isBanned(peer)).toBe(true)
  expect(membership.isBanned({ ...peer, addresses: ['127.0.0.2'] })).toBe(false)
  expect(membership.get(id)?.addresses).toEqual(['127.0.0.2'])
})

test('a peer that was asked for bytes is not followed to another place, where another host may have its id', async () => {
  const refused = Promise.withResolvers<string>()
  const debug = (text: string) => {
    if (text.includes('at another address than before')) refused.resolve(text)
  }
  const { session, arrivals, membership, id, peer, server, serveAt } = meet({
    log: { debug, info() {}, warn() {} },
  })
  expect(await arrivals.next()).toBe(`joined ${id}`)
  const range = { start: 0, end: 9 }
  await expect(session.open(id, range, AbortSignal.timeout(10_000))).rejects.toThrow()
  serveAt('127.0.0.2', peer.port)
  membership.heard({ ...peer, addresses: ['127.0.0.2'] }, 'seed')
  await server.close({ isNow: true })
  expect(await arrivals.next()).toBe(`left ${id}`)
  expect(await Promise.race([refused.promise, arrivals.next()])).toContain('at another address than before')
})

test('however many peers there are and however often it looks, it asks a bounded number of them', () => {
  const membership = new Membership({
    selfId: peerId(0),
    clusterFingerprint: undefined,
    now: () => performance.now(),
  })
  for (let n = 1; n <= 400; n += 1) membership.heard(samplePeer(n), 'direct')
  const asked = new Set<string>()
  const silent: HttpClient = {
    rateGate: new RateGate(),
    renewTrust() {},
    request: ({ url }) => {
      asked.add(new URL(url).host)
      return new Promise(() => {})
    },
    close: async () => {},
    [Symbol.asyncDispose]: async () => {},
  }
  let look: (peer: PeerInfo) => void = () => {}
  const session = new SwarmSession(
    {
      selfId: peerId(0),
      searched: Promise.resolve(),
      membership,
      client: new PeerClient({ http: silent, self: () => samplePeer(0) }),
      log: silentLog,
      onJoin: (listener) => {
        look = listener
        return () => {}
      },
    },
    { oid, size, place: async () => undefined },
  )
  session.watch(new Arrivals())
  for (let n = 0; n < 20; n += 1) look(samplePeer(1))
  expect(asked.size).toBeWithin(50, 67)
  const before = asked.size
  for (let n = 401; n <= 800; n += 1) membership.heard(samplePeer(n), 'direct')
  look(samplePeer(401))
  // Besides new meeting points some of the others that came late, about a quarter of its places by chance.
  expect(asked.size).toBeGreaterThan(before + 3)
  for (let n = 801; n <= 4_000; n += 1) {
    membership.heard(samplePeer(n), 'direct')
    if (n % 400 === 0) look(samplePeer(n))
  }
  session.close()
  expect(asked.size).toBeLessThan(3 * before)
})
