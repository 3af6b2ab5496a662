import type { BlobSource } from '../blob/blob-source.ts'
import type { Oid } from '../blob/oid.ts'
import { pieceCountOf } from '../blob/pieces.ts'
import { HashService } from '../hash/hash-service.ts'
import { PeerExperience } from '../schedule/peer-experience.ts'
import { HUB_CONNECTIONS, STALL_MS } from '../schedule/tuning.ts'
import type { BlobSwarm } from '../swarm/client/blob-swarm.ts'
import type { BundlePeers } from '../swarm/client/bundle-peers.ts'
import type { SwarmBlob } from '../swarm/client/swarm-session.ts'
import type { BlobPlace } from '../swarm/server/blob-shelf.ts'
import { BlobTransfer } from './blob-transfer.ts'
import { HubBudget } from './hub/hub-budget.ts'
import { RateLimiter } from './rate-limiter.ts'
import { SharedTransfer } from './shared-transfer.ts'
import { fetchSmallBlob, MOST_SMALL_BLOBS, type SmallBlob } from './small-blob.ts'
import { SmallBundles } from './small-bundles.ts'
import type { TransferCounters } from './transfer-counters.ts'
import type { BytesBySource, EventSink } from './transfer-event.ts'
import type { BlobFile } from './writing/blob-file.ts'
import type { LandedPieces } from './writing/landed-pieces.ts'

/** What all transfers of a process share. */
export interface EngineOptions {
  readonly report: EventSink
  /** Connections to the Hub at the most, over all files. @default 16 */
  readonly connections?: number | undefined
  /** Bytes per second of all downloads together. @default no limit */
  readonly limitRate?: number | undefined
  /** Bytes per second of those that come from the Hub. @default no limit */
  readonly hubLimitRate?: number | undefined
  /** No bytes for this long, and a range is asked for again. @default 10000 */
  readonly stallMs?: number | undefined
  /** Stay in the swarm of a blob that is complete, so that `isNeeded` can tell whether to leave. @default false */
  readonly staysInSwarms?: boolean
  /** The swarm of a blob, where peers are to be asked. */
  readonly swarmOf?: ((blob: SwarmBlob) => BlobSwarm | undefined) | undefined
  /** The peers that may be asked for many small blobs at once. */
  readonly bundlePeers?: (() => BundlePeers | undefined) | undefined
}

/** One blob to bring. */
export interface BlobRequest {
  readonly oid: Oid
  readonly size: number
  readonly file: BlobFile
  readonly hub?: BlobSource | undefined
  /** The file's number in events. */
  readonly id: number
  /** Where it is on the Hub. */
  readonly place: BlobPlace
  /** Whether peers may have it: asked once, in the background. */
  readonly mayShare: () => Promise<boolean>
}

/** A blob on its way into its file, for those that wait for it or read it meanwhile. */
export interface RunningTransfer {
  readonly oid: Oid
  readonly size: number
  readonly file: BlobFile
  readonly hub?: BlobSource | undefined
  /** What may be read already, and where it came from. */
  readonly pieces: LandedPieces
  readonly counters: TransferCounters
  /** Fetches first what lies at and behind `piece`, because a client reads there. */
  moveHead(piece: number): void
  /** Resolves with what the blob cost once it is whole and checked; rejects with the first error that cannot be helped. */
  readonly done: Promise<BytesBySource>
}

/** A blob that this process fetches or has fetched, as peers see it. */
interface Shared {
  readonly blob: SharedTransfer
  isAllowed: boolean
}

/** Makes transfers of all blobs of a process, which share its connections, and serves their pieces to peers meanwhile. */
export class TransferEngine implements Disposable {
  readonly hashes = new HashService()
  readonly #swarms = new Set<BlobSwarm>()
  readonly #shared = new Map<string, Shared>()
  readonly #onShelf = new Map<string, Set<() => void>>()
  readonly #options: EngineOptions
  readonly #budget: HubBudget
  readonly #limiter: RateLimiter
  readonly #hubLimiter: RateLimiter
  readonly #peers = new PeerExperience()
  #hasDoubted = false
  #lastId = 0

  constructor(options: EngineOptions) {
    this.#options = options
    this.#budget = new HubBudget({ max: options.connections ?? HUB_CONNECTIONS })
    this.#limiter = new RateLimiter(options.limitRate ?? 0)
    this.#hubLimiter = new RateLimiter(options.hubLimitRate ?? 0)
  }

  get report(): EventSink {
    return this.#options.report
  }

  /** A number for one file in this process's events. */
  nextId(): number {
    this.#lastId += 1
    return this.#lastId
  }

  /** True while a peer lacks pieces that only this process has, or that few others have. */
  isNeeded(): boolean {
    return [...this.#swarms].some((swarm) => swarm.isNeeded())
  }

  /** When a peer last asked for bytes of any blob, on the clock of `performance.now`. */
  get askedAt(): number {
    return Math.max(...Array.from(this.#shared.values(), ({ blob }) => blob.askedAt))
  }

  /** True once peers brought a transfer too little, so that the Hub was asked in their place. */
  get hasDoubted(): boolean {
    return this.#hasDoubted
  }

  /** The blob for a peer, if peers may have it. */
  shared(oid: Oid): SharedTransfer | undefined {
    const shared = this.#shared.get(oid)
    return shared?.isAllowed ? shared.blob : undefined
  }

  /** Calls `listener` when a blob may be shared from now on, or no longer; returns what ends that. */
  onShared(oid: Oid, listener: () => void): () => void {
    const listeners = this.#onShelf.get(oid) ?? new Set()
    this.#onShelf.set(oid, listeners.add(listener))
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0) this.#onShelf.delete(oid)
    }
  }

  /**
   * Offers a blob to peers no longer: it stands elsewhere by now, or failed. Peers that wait for it are told in any case:
   * a small blob was never offered here, so that they found nothing while it was fetched.
   */
  withdraw(oid: Oid): void {
    this.#shared.delete(oid)
    this.#changed(oid)
  }

  /** True for a while after the Hub refused or dropped connections. */
  get isHeldBack(): boolean {
    return this.#budget.isCalm
  }

  /** The checked bytes of a small blob from the Hub, by one request; see `fetchSmallBlob`. */
  fetchSmall(blob: SmallBlob, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const { report, stallMs = STALL_MS, connections: mostConnections = MOST_SMALL_BLOBS } = this.#options
    const limits = { limiter: this.#limiter, hubLimiter: this.#hubLimiter }
    const parts = { budget: this.#budget, ...limits, report, stallMs, mostConnections }
    return fetchSmallBlob(blob, parts, signal)
  }

  /** Small blobs from peers, many by one request; undefined where there are no peers to ask. `before` are earlier ones of the snapshot. */
  bundles(signal: AbortSignal, before?: SmallBundles): SmallBundles | undefined {
    const peers = this.#options.bundlePeers?.()
    return peers && new SmallBundles({ peers, limiter: this.#limiter, pace: before?.pace, signal })
  }

  /** Begins to bring a blob into its file; reports what it cost. The file stays its opener's to publish. */
  start(request: BlobRequest, signal: AbortSignal): RunningTransfer {
    const { report, stallMs = STALL_MS, swarmOf } = this.#options
    const { oid, size, file, hub } = request
    // A small blob is sooner had from the Hub than asked for among peers, where the Hub may be asked.
    const isWorthSharing = pieceCountOf(size) > 1 || hub === undefined
    const mayShare = memo(request.mayShare)
    const place = async () => ((await mayShare()) ? request.place : undefined)
    const swarm = isWorthSharing ? swarmOf?.({ oid, size, place }) : undefined
    if (swarm) this.#swarms.add(swarm)
    const transfer = new BlobTransfer({
      ...request,
      swarm,
      budget: this.#budget,
      hashes: this.hashes,
      limiter: this.#limiter,
      hubLimiter: this.#hubLimiter,
      stallMs,
      report,
      wariness: this.#peers.wariness(performance.now()),
    })
    if (swarm) this.#share(transfer, mayShare)
    return {
      ...{ oid, size, file, hub },
      pieces: transfer.pieces,
      counters: transfer.counters,
      moveHead: (piece) => transfer.moveHead(piece),
      done: this.#finish(transfer, signal),
    }
  }

  async #finish(transfer: BlobTransfer, signal: AbortSignal): Promise<BytesBySource> {
    const { report, staysInSwarms } = this.#options
    const { id, oid, size, swarm } = transfer.parts
    try {
      const cost = await transfer.run(signal)
      report({ type: 'task-done', id, oid, ...cost })
      this.#hasDoubted ||= transfer.hasDoubted
      this.#peers.ended({
        now: performance.now(),
        ms: cost.ms,
        size,
        fromHub: cost.bytes.hub,
        fromPeers: cost.bytes.peers,
        hasDoubted: transfer.hasDoubted,
      })
      if (staysInSwarms !== true) this.#leave(swarm)
      return cost.bytes
    } catch (error) {
      this.#leave(swarm)
      this.withdraw(oid)
      throw error
    }
  }

  #leave(swarm: BlobSwarm | undefined): void {
    swarm?.close()
    if (swarm) this.#swarms.delete(swarm)
  }

  #share(transfer: BlobTransfer, mayShare: () => Promise<boolean>): void {
    const { oid } = transfer.parts
    const shared = { blob: new SharedTransfer(transfer), isAllowed: false }
    this.#shared.set(oid, shared)
    mayShare().then(
      (isAllowed) => {
        shared.isAllowed = isAllowed
        if (isAllowed) this.#changed(oid)
      },
      () => {},
    )
  }

  #changed(oid: Oid): void {
    for (const listener of this.#onShelf.get(oid) ?? []) listener()
  }

  [Symbol.dispose](): void {
    for (const swarm of this.#swarms) swarm.close()
    this.hashes[Symbol.dispose]()
  }
}

function memo<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined
  return () => {
    answer ??= ask()
    return answer
  }
}
