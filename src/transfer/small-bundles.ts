import { delay } from '../base/delay.ts'
import { DfhfError } from '../base/errors.ts'
import { oidOf } from '../blob/digest.ts'
import type { Oid } from '../blob/oid.ts'
import { BundlePace } from '../schedule/bundle-pace.ts'
import { BUNDLE_PAUSE_MS, BUNDLES, BUNDLES_PER_PEER, BUSY_PEER_PAUSE_MS } from '../schedule/tuning.ts'
import type { BundlePeers } from '../swarm/client/bundle-peers.ts'
import type { BundlePart } from '../swarm/protocol/bundle-wire.ts'
import type { PeerInfo } from '../swarm/protocol/peer-info.ts'
import type { RateLimiter } from './rate-limiter.ts'

/** How often it looks whether a request takes too long, in ms. */
const LOOK_EVERY_MS = 100

/** What the bundles of a process are made of. */
export interface SmallBundlesParts {
  readonly peers: BundlePeers
  readonly limiter: RateLimiter
  /** Of earlier bundles of the same snapshot: peers may cost all of it so much time and no more. @default none */
  readonly pace?: BundlePace | undefined
  readonly signal: AbortSignal
}

/** Takes blobs as they come. While what it gives has not resolved, no more is read of that reply. */
export type PartSink = (part: CheckedPart) => Promise<void> | undefined

/** Blobs that came together from one peer, whose bytes are those of their oids. */
export interface CheckedPart extends BundlePart {
  /** The peer's name. */
  readonly peer: string
}

/** A blob that is wanted next. */
interface Wanted {
  readonly oid: Oid
  readonly size: number
}

/** How it ended with a blob that was asked for; `again` where another peer may have it. */
type Outcome = 'settled' | 'again'

/**
 * Small blobs from peers, many by one request and ahead of their turn. What peers do not have, or do not bring quickly,
 * is left to the Hub.
 */
export class SmallBundles {
  readonly #parts: SmallBundlesParts
  readonly #signal: AbortSignal
  readonly #stop = new AbortController()
  #onPart: PartSink = () => undefined
  /** What has been learned of the peers. */
  readonly pace: BundlePace
  /** What no peer was asked for yet, in the order in which it will be taken. */
  #queue = new Map<Oid, number>()
  /** What was asked for and is not settled yet. */
  readonly #claims = new Map<Oid, PromiseWithResolvers<Outcome>>()
  readonly #underWay = new Map<string, number>()
  readonly #pausedUntil = new Map<string, number>()
  readonly #searched: Promise<void>
  readonly #requests = new Set<Promise<void>>()
  #changed = Promise.withResolvers<void>()

  constructor(parts: SmallBundlesParts) {
    this.#parts = parts
    this.pace = parts.pace ?? new BundlePace()
    this.#signal = AbortSignal.any([parts.signal, this.#stop.signal])
    this.#searched = parts.peers.searched
  }

  /** Says which blobs will be wanted, in this order, and what takes them. */
  expect(blobs: Iterable<Wanted>, onPart: PartSink): void {
    this.#onPart = onPart
    for (const { oid, size } of blobs) this.#queue.set(oid, size)
  }

  /** Resolves when a blob that was expected was settled, or is to come from elsewhere. */
  async wait(oid: Oid): Promise<void> {
    await this.#searched
    for (;;) {
      this.#fill()
      const claim = this.#claims.get(oid)
      if (claim) {
        if ((await claim.promise) === 'settled') return
      } else if (this.#requests.size > 0 && this.#queue.has(oid)) await this.#changed.promise
      else break
    }
    this.#queue.delete(oid)
  }

  /** Ends all requests. */
  async close(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#requests)
  }

  /** Says that a blob which came needs no more waiting for. */
  settle(oid: Oid): void {
    this.#claims.get(oid)?.resolve('settled')
    this.#claims.delete(oid)
  }

  /** Asks peers for what comes next, as far as they may be asked now. */
  #fill(): void {
    while (this.#queue.size > 0 && this.#requests.size < BUNDLES) {
      const peer = this.#choose()
      if (!peer) return
      this.#underWay.set(peer.id, (this.#underWay.get(peer.id) ?? 0) + 1)
      const request = this.#bring(peer, this.#claim(peer.id)).finally(() => {
        this.#requests.delete(request)
        this.#underWay.set(peer.id, (this.#underWay.get(peer.id) ?? 1) - 1)
        this.#fill()
        this.#changed.resolve()
        this.#changed = Promise.withResolvers()
      })
      this.#requests.add(request)
    }
  }

  /** A peer that has brought blobs comes first; of one that has not, little is asked for at a time. */
  #choose(): PeerInfo | undefined {
    const { peers } = this.#parts
    if (this.pace.isOver || this.#signal.aborted) return undefined
    const now = performance.now()
    let untried: PeerInfo | undefined
    for (const peer of peers.live()) {
      if ((this.#pausedUntil.get(peer.id) ?? 0) > now) continue
      const count = this.#underWay.get(peer.id) ?? 0
      if (this.pace.isProven(peer.id) && count < BUNDLES_PER_PEER) return peer
      if (count === 0) untried ??= peer
    }
    return untried
  }

  #claim(peer: string): Map<Oid, number> {
    const most = this.pace.sizeFor(peer)
    const bundle = new Map<Oid, number>()
    let bytes = 0
    for (const [oid, size] of this.#queue) {
      if (bundle.size >= most.blobs || (bundle.size > 0 && bytes + size > most.bytes)) break
      bytes += size
      bundle.set(oid, size)
    }
    for (const oid of bundle.keys()) {
      this.#queue.delete(oid)
      this.#claims.set(oid, Promise.withResolvers())
    }
    return bundle
  }

  async #bring(peer: PeerInfo, bundle: ReadonlyMap<Oid, number>): Promise<void> {
    const startedAt = performance.now()
    const left = new Map(bundle)
    try {
      await this.#read(peer, left)
      if (left.size === bundle.size) throw new DfhfError('not-cached', 'it has none of them')
      this.pace.brought(peer.id, performance.now() - startedAt)
      for (const oid of left.keys()) this.settle(oid)
    } catch (error) {
      await this.#fail(peer, error, performance.now() - startedAt)
      this.#giveBack(left)
    }
  }

  /** Reads one reply; takes what came out of `left`. */
  async #read(peer: PeerInfo, left: Map<Oid, number>): Promise<void> {
    const { peers, limiter } = this.#parts
    using watch = new BundleWatch(this.pace.patienceMs(sumOf(left)), this.#signal)
    const { at, parts } = await peers.open(peer, new Map(left), watch.signal)
    for await (const part of parts) {
      let size = 0
      for (const { oid, bytes } of part.blobs) {
        if (oidOf(bytes, oid) !== oid) {
          peers.ban(peer, at, `it sent other bytes than those of blob ${oid.slice(0, 12)}`)
          throw new DfhfError('bad-response', 'wrong bytes')
        }
        size += bytes.length
      }
      for (const { oid } of part.blobs) left.delete(oid)
      await watch.hold(this.#onPart({ ...part, peer: peer.name }))
      await watch.hold(limiter.take(size, watch.signal))
    }
  }

  async #fail(peer: PeerInfo, error: unknown, ms: number): Promise<void> {
    const { peers } = this.#parts
    const signal = this.#signal
    if (signal.aborted) return
    peers.note(
      `small blobs from peer ${peer.name}: ${error instanceof Error ? error.message : String(error)}`,
    )
    if (error instanceof DfhfError && error.code === 'rate-limited') {
      this.pace.waited(ms + BUSY_PEER_PAUSE_MS)
      await delay(BUSY_PEER_PAUSE_MS, { signal }).catch(() => {})
    } else {
      this.pace.failed(peer.id, ms)
      this.#pausedUntil.set(peer.id, performance.now() + BUNDLE_PAUSE_MS)
    }
  }

  /** Puts what did not come before all that is still to be asked for, as it is wanted sooner. */
  #giveBack(left: ReadonlyMap<Oid, number>): void {
    const wanted = [...left].filter(([oid]) => this.#claims.has(oid))
    this.#queue = new Map([...wanted, ...this.#queue])
    for (const [oid] of wanted) {
      this.#claims.get(oid)?.resolve('again')
      this.#claims.delete(oid)
    }
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
