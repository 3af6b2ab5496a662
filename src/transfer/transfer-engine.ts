import type { Oid } from '../blob/oid.ts'
import type { BlobFile } from './blob-file.ts'
import type { BlobSource } from './blob-source.ts'
import type { BlobSwarm } from './blob-swarm.ts'
import { BlobTransfer } from './blob-transfer.ts'
import { HashService } from './hash-service.ts'
import { HubBudget } from './hub-budget.ts'
import { RateLimiter } from './rate-limiter.ts'
import type { BytesBySource, EventSink } from './transfer-event.ts'

/** What all transfers of a process share. */
export interface EngineOptions {
  readonly report: EventSink
  /** Connections to the Hub at the most, over all files. @default 16 */
  readonly connections?: number | undefined
  /** Bytes per second of all downloads together. @default no limit */
  readonly limitRate?: number | undefined
  /** No bytes for this long, and a range is asked for again. @default 10000 */
  readonly stallMs?: number | undefined
  /** The swarm of a blob, where peers are to be asked. */
  readonly swarmOf?: ((oid: Oid, size: number) => BlobSwarm | undefined) | undefined
}

/** One blob to bring. */
export interface BlobRequest {
  readonly oid: Oid
  readonly size: number
  readonly file: BlobFile
  readonly hub?: BlobSource | undefined
  /** The file's number in events. */
  readonly id: number
  /** False for blobs that no peer may know of. @default true */
  readonly isShared?: boolean
}

/** Makes transfers, and knows those that run, so that their pieces can be read and served meanwhile. */
export class TransferEngine implements Disposable {
  readonly hashes = new HashService()
  readonly #running = new Map<string, BlobTransfer>()
  readonly #options: EngineOptions
  readonly #budget: HubBudget
  readonly #limiter: RateLimiter
  #lastId = 0

  constructor(options: EngineOptions) {
    this.#options = options
    this.#budget = new HubBudget({ max: options.connections ?? 16 })
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

  /** Brings a blob into its file and checks it; reports what it cost. The file stays its opener's to publish. */
  async bring(request: BlobRequest, signal: AbortSignal): Promise<BytesBySource> {
    const { report, stallMs = 10_000, swarmOf } = this.#options
    const { oid, size, id } = request
    const transfer = new BlobTransfer({
      ...request,
      swarm: request.isShared === false ? undefined : swarmOf?.(oid, size),
      budget: this.#budget,
      hashes: this.hashes,
      limiter: this.#limiter,
      stallMs,
      report,
    })
    this.#running.set(oid, transfer)
    try {
      const cost = await transfer.run(signal)
      report({ type: 'task-done', id, oid, ...cost })
      return cost.bytes
    } finally {
      this.#running.delete(oid)
    }
  }

  [Symbol.dispose](): void {
    this.hashes[Symbol.dispose]()
  }
}
