import type { BlobSource } from '../blob/blob-source.ts'
import type { Oid } from '../blob/oid.ts'
import { pieceCountOf } from '../blob/pieces.ts'
import { HashService } from '../hash/hash-service.ts'
import { HUB_CONNECTIONS, STALL_MS } from '../schedule/tuning.ts'
import type { BlobSwarm } from '../swarm/client/blob-swarm.ts'
import type { SwarmBlob } from '../swarm/client/swarm-session.ts'
import type { BlobOrigin } from '../swarm/server/blob-shelf.ts'
import type { BlobFile } from './blob-file.ts'
import { BlobTransfer } from './blob-transfer.ts'
import { HubBudget } from './hub-budget.ts'
import { RateLimiter } from './rate-limiter.ts'
import { SharedTransfer } from './shared-transfer.ts'
import type { BytesBySource, EventSink } from './transfer-event.ts'

/** What all transfers of a process share. */
export interface EngineOptions {
  readonly report: EventSink
  /** Connections to the Hub at the most, over all files. @default HUB_CONNECTIONS */
  readonly connections?: number | undefined
  /** Bytes per second of all downloads together. @default no limit */
  readonly limitRate?: number | undefined
  /** No bytes for this long, and a range is asked for again. @default STALL_MS */
  readonly stallMs?: number | undefined
  /** Stay in the swarm of a blob that is complete, so that `isNeeded` can tell whether to leave. @default false */
  readonly staysInSwarms?: boolean
  /** The swarm of a blob, where peers are to be asked. */
  readonly swarmOf?: ((blob: SwarmBlob) => BlobSwarm | undefined) | undefined
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
  readonly origin: BlobOrigin
  /** Whether peers may have it: asked once, in the background. */
  readonly mayShare: () => Promise<boolean>
}

/** A blob that this process fetches or has fetched, as peers see it. */
interface Shared {
  readonly blob: SharedTransfer
  isAllowed: boolean
}

/** Makes transfers, and knows those that run, so that their pieces can be read and served meanwhile. */
export class TransferEngine implements Disposable {
  readonly hashes = new HashService()
  readonly #running = new Map<string, BlobTransfer>()
  readonly #swarms = new Set<BlobSwarm>()
  readonly #shared = new Map<string, Shared>()
  readonly #onShelf = new Map<string, Set<() => void>>()
  readonly #options: EngineOptions
  readonly #budget: HubBudget
  readonly #limiter: RateLimiter
  #lastId = 0

  constructor(options: EngineOptions) {
    this.#options = options
    this.#budget = new HubBudget({ max: options.connections ?? HUB_CONNECTIONS })
    this.#limiter = new RateLimiter(options.limitRate ?? 0)
  }

  get report(): EventSink {
    return this.#options.report
  }

  /** A number for one file in this process's events. */
  nextId(): number {
    this.#lastId += 1
    return this.#lastId
  }

  /** The transfer of a blob that runs now. */
  find(oid: Oid): BlobTransfer | undefined {
    return this.#running.get(oid)
  }

  /** True while a peer lacks pieces that only this process has. */
  isNeeded(): boolean {
    return [...this.#swarms].some((swarm) => swarm.isNeeded())
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
   * Offers a blob to peers no longer: it stands elsewhere by now, or failed. Those that wait for it are told in any case:
   * a small one was never offered here, and a look while it was fetched found nothing.
   */
  withdraw(oid: Oid): void {
    this.#shared.delete(oid)
    this.#changed(oid)
  }

  /** Brings a blob into its file and checks it; reports what it cost. The file stays its opener's to publish. */
  async bring(request: BlobRequest, signal: AbortSignal): Promise<BytesBySource> {
    const { report, stallMs = STALL_MS, swarmOf, staysInSwarms } = this.#options
    const { oid, size, id } = request
    // A small blob is sooner had from the Hub than asked for among peers, where the Hub may be asked.
    const isWorthSharing = pieceCountOf(size) > 1 || request.hub === undefined
    const mayShare = memo(request.mayShare)
    const origin = async () => ((await mayShare()) ? request.origin : undefined)
    const swarm = isWorthSharing ? swarmOf?.({ oid, size, origin }) : undefined
    if (swarm) this.#swarms.add(swarm)
    const transfer = new BlobTransfer({
      ...request,
      swarm,
      budget: this.#budget,
      hashes: this.hashes,
      limiter: this.#limiter,
      stallMs,
      report,
    })
    this.#running.set(oid, transfer)
    if (swarm) this.#share(transfer, mayShare)
    try {
      const cost = await transfer.run(signal)
      report({ type: 'task-done', id, oid, ...cost })
      if (staysInSwarms !== true) this.#leave(swarm)
      return cost.bytes
    } catch (error) {
      this.#leave(swarm)
      this.withdraw(oid)
      throw error
    } finally {
      this.#running.delete(oid)
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
