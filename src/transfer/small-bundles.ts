import { delay } from '../base/delay.ts'
import { DfhfError } from '../base/errors.ts'
import { createOidHasher } from '../blob/digest.ts'
import type { Oid } from '../blob/oid.ts'
import { BundlePace } from '../schedule/bundle-pace.ts'
import {
  BUNDLE_PAUSE_MS,
  BUNDLES,
  BUNDLES_PER_PEER,
  BUSY_PEER_PAUSE_MS,
  MOST_BUNDLED_BYTES,
} from '../schedule/tuning.ts'
import type { BundlePeers } from '../swarm/client/bundle-peers.ts'
import type { PeerInfo } from '../swarm/protocol/peer-info.ts'
import type { RateLimiter } from './rate-limiter.ts'
import type { EventSink } from './transfer-event.ts'

/** How often it looks whether a request takes too long, in ms. */
const LOOK_EVERY_MS = 100

/** What the bundles of a process are made of. */
export interface SmallBundlesParts {
  readonly peers: BundlePeers
  readonly limiter: RateLimiter
  readonly report: EventSink
  readonly signal: AbortSignal
}

/** A blob that is wanted next. */
interface Wanted {
  readonly oid: Oid
  readonly size: number
}

/** What a request brought of one blob. `again` where another peer may have it. */
type Outcome = { readonly bytes: Uint8Array; readonly peer: string } | 'again' | 'not there'

interface Claim {
  readonly size: number
  readonly settled: PromiseWithResolvers<Outcome>
  outcome: Outcome | undefined
}

/**
 * Small blobs from peers, many by one request and ahead of their turn. What peers do not have, or do not bring quickly,
 * is left to the Hub.
 */
export class SmallBundles {
  readonly #parts: SmallBundlesParts
  readonly #pace = new BundlePace()
  /** What no peer was asked for yet, in the order in which it will be taken. */
  #queue = new Map<Oid, number>()
  /** What was asked for and not taken yet. */
  readonly #claims = new Map<Oid, Claim>()
  readonly #underWay = new Map<string, number>()
  readonly #pausedUntil = new Map<string, number>()
  readonly #searched: Promise<void>
  #requests = 0
  /** Bytes that came and were not taken. */
  #held = 0
  #changed = Promise.withResolvers<void>()

  constructor(parts: SmallBundlesParts) {
    this.#parts = parts
    this.#searched = parts.peers.searched
  }

  /** Says which blobs will be taken, in this order. */
  expect(blobs: Iterable<Wanted>): void {
    for (const { oid, size } of blobs) this.#queue.set(oid, size)
  }

  /** The checked bytes of a blob that was expected; undefined where it is to come from elsewhere. `id` is the file's number in events. */
  async take(oid: Oid, id: number): Promise<Uint8Array | undefined> {
    await this.#searched
    const startedAt = performance.now()
    for (;;) {
      this.#fill()
      const claim = this.#claims.get(oid)
      if (!claim) {
        if (this.#requests > 0 && this.#queue.has(oid)) await this.#changed.promise
        else break
        continue
      }
      const outcome = await claim.settled.promise
      if (outcome === 'again') continue
      if (outcome !== 'not there') this.#tell(outcome, { oid, id, startedAt })
      this.drop(oid)
      return outcome === 'not there' ? undefined : outcome.bytes
    }
    this.#queue.delete(oid)
    return undefined
  }

  /** Says that a blob is no longer wanted. */
  drop(oid: Oid): void {
    const claim = this.#claims.get(oid)
    this.#claims.delete(oid)
    this.#queue.delete(oid)
    if (typeof claim?.outcome === 'object') this.#held -= claim.size
  }

  /** Asks peers for what comes next, as far as they may be asked now. */
  #fill(): void {
    while (this.#queue.size > 0 && this.#requests < BUNDLES && this.#held < MOST_BUNDLED_BYTES) {
      const peer = this.#choose()
      if (!peer) return
      const bundle = this.#claim(peer.id)
      this.#requests += 1
      this.#underWay.set(peer.id, (this.#underWay.get(peer.id) ?? 0) + 1)
      void this.#bring(peer, bundle).finally(() => {
        this.#requests -= 1
        this.#underWay.set(peer.id, (this.#underWay.get(peer.id) ?? 1) - 1)
        this.#changed.resolve()
        this.#changed = Promise.withResolvers()
      })
    }
  }

  /** A peer that has brought blobs comes first; of one that has not, little is asked for at a time. */
  #choose(): PeerInfo | undefined {
    const { peers, signal } = this.#parts
    if (this.#pace.isOver || signal.aborted) return undefined
    const now = performance.now()
    let untried: PeerInfo | undefined
    for (const peer of peers.live()) {
      if ((this.#pausedUntil.get(peer.id) ?? 0) > now) continue
      const count = this.#underWay.get(peer.id) ?? 0
      if (this.#pace.isProven(peer.id) && count < BUNDLES_PER_PEER) return peer
      if (count === 0) untried ??= peer
    }
    return untried
  }

  #claim(peer: string): Map<Oid, number> {
    const most = this.#pace.sizeFor(peer)
    const bundle = new Map<Oid, number>()
    let bytes = 0
    for (const [oid, size] of this.#queue) {
      if (bundle.size >= most.blobs || (bundle.size > 0 && bytes + size > most.bytes)) break
      bytes += size
      bundle.set(oid, size)
    }
    for (const [oid, size] of bundle) {
      this.#queue.delete(oid)
      this.#claims.set(oid, { size, settled: Promise.withResolvers(), outcome: undefined })
    }
    return bundle
  }

  async #bring(peer: PeerInfo, bundle: ReadonlyMap<Oid, number>): Promise<void> {
    const startedAt = performance.now()
    const left = new Map(bundle)
    try {
      await this.#read(peer, left)
      if (left.size === bundle.size) throw new DfhfError('not-cached', 'it has none of them')
      this.#pace.brought(peer.id, performance.now() - startedAt)
      for (const oid of left.keys()) this.#settle(oid, 'not there')
    } catch (error) {
      await this.#fail(peer, error, performance.now() - startedAt)
      this.#giveBack(left)
    }
  }

  /** Reads one reply; takes what came out of `left`. */
  async #read(peer: PeerInfo, left: Map<Oid, number>): Promise<void> {
    const { peers, limiter, signal } = this.#parts
    using watch = new BundleWatch(this.#pace.patienceMs(sumOf(left)), signal)
    const { at, blobs } = await peers.open(peer, new Map(left), watch.signal)
    for await (const { oid, bytes } of blobs) {
      const hasher = createOidHasher(oid, bytes.length)
      hasher.update(bytes)
      if (hasher.digest() !== oid) {
        peers.ban(peer, at, `it sent other bytes than those of blob ${oid.slice(0, 12)}`)
        throw new DfhfError('bad-response', 'wrong bytes')
      }
      left.delete(oid)
      this.#settle(oid, { bytes, peer: peer.name })
      await watch.hold(limiter.take(bytes.length, watch.signal))
    }
  }

  async #fail(peer: PeerInfo, error: unknown, ms: number): Promise<void> {
    const { peers, signal } = this.#parts
    if (signal.aborted) return
    peers.note(
      `small blobs from peer ${peer.name}: ${error instanceof Error ? error.message : String(error)}`,
    )
    if (error instanceof DfhfError && error.code === 'rate-limited') {
      this.#pace.waited(ms + BUSY_PEER_PAUSE_MS)
      await delay(BUSY_PEER_PAUSE_MS, { signal }).catch(() => {})
    } else {
      this.#pace.failed(peer.id, ms)
      this.#pausedUntil.set(peer.id, performance.now() + BUNDLE_PAUSE_MS)
    }
  }

  /** Puts what did not come before all that is still to be asked for, as it is wanted sooner. */
  #giveBack(left: ReadonlyMap<Oid, number>): void {
    const wanted = [...left].filter(([oid]) => this.#claims.has(oid))
    this.#queue = new Map([...wanted, ...this.#queue])
    for (const [oid] of wanted) {
      const claim = this.#claims.get(oid)
      this.#claims.delete(oid)
      claim?.settled.resolve('again')
    }
  }

  #settle(oid: Oid, outcome: Outcome): void {
    const claim = this.#claims.get(oid)
    if (!claim) return
    claim.outcome = outcome
    if (typeof outcome === 'object') this.#held += claim.size
    claim.settled.resolve(outcome)
  }

  #tell(
    { bytes, peer }: { readonly bytes: Uint8Array; readonly peer: string },
    { oid, id, startedAt }: { readonly oid: Oid; readonly id: number; readonly startedAt: number },
  ): void {
    const { report } = this.#parts
    const size = bytes.length
    report({ type: 'bytes', id, count: size, kind: 'peers', source: peer })
    const cost = { bytes: { hub: 0, peers: size, local: 0 }, pieces: 1, retries: 0 }
    report({ type: 'task-done', id, oid, ms: performance.now() - startedAt, ...cost })
  }
}

/** Cuts a request that takes longer than its patience, in which time that the rate limit holds it does not count. */
class BundleWatch implements Disposable {
  readonly #cut = new AbortController()
  readonly #parent: AbortSignal
  readonly #timer: ReturnType<typeof setInterval>
  readonly #stop = () => this.#cut.abort(this.#parent.reason)
  #until: number

  constructor(patienceMs: number, parent: AbortSignal) {
    this.#parent = parent
    this.#until = performance.now() + patienceMs
    parent.addEventListener('abort', this.#stop, { once: true })
    const late = new DfhfError('timeout', 'it is too slow')
    this.#timer = setInterval(() => {
      if (performance.now() > this.#until) this.#cut.abort(late)
    }, LOOK_EVERY_MS)
  }

  get signal(): AbortSignal {
    return this.#cut.signal
  }

  async hold(pause: Promise<void> | undefined): Promise<void> {
    if (!pause) return
    const patienceMs = this.#until - performance.now()
    this.#until = Number.POSITIVE_INFINITY
    await pause
    this.#until = performance.now() + patienceMs
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#parent.removeEventListener('abort', this.#stop)
  }
}

function sumOf(sizes: ReadonlyMap<Oid, number>): number {
  let sum = 0
  for (const size of sizes.values()) sum += size
  return sum
}
