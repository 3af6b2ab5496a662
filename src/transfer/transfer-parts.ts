import type { BlobSource } from '../blob/blob-source.ts'
import type { Oid } from '../blob/oid.ts'
import type { HashService } from '../hash/hash-service.ts'
import type { BlobSwarm } from '../swarm/client/blob-swarm.ts'
import type { HubBudget } from './hub/hub-budget.ts'
import type { RateLimiter } from './rate-limiter.ts'
import type { BytesBySource, EventSink } from './transfer-event.ts'
import type { BlobFile } from './writing/blob-file.ts'

/** What a transfer is made of. */
export interface TransferParts {
  readonly oid: Oid
  readonly size: number
  /** Where the bytes go; open, and closed by its owner. */
  readonly file: BlobFile
  /** Absent where only peers may be asked. */
  readonly hub?: BlobSource | undefined
  readonly swarm?: BlobSwarm | undefined
  readonly budget: HubBudget
  readonly hashes: HashService
  readonly limiter: RateLimiter
  /** For bytes from the Hub, besides the other. */
  readonly hubLimiter?: RateLimiter | undefined
  /** No bytes for this long, and a range is cut and asked for again. */
  readonly stallMs: number
  /** How often peers brought nothing lately. @default 0 */
  readonly wariness?: number
  /** The file's number in events. */
  readonly id: number
  readonly report: EventSink
  readonly clock?: () => number
  readonly random?: () => number
}

/** What a finished transfer has cost. */
export interface TransferCost {
  readonly bytes: BytesBySource
  readonly pieces: number
  readonly retries: number
  readonly ms: number
}
