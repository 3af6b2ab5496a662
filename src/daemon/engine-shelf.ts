import type { Oid } from '../blob/oid.ts'
import type { Asker, BlobShelf, SharedBlob } from '../swarm/blob-shelf.ts'
import { RateLimiter } from '../transfer/rate-limiter.ts'
import type { TransferEngine } from '../transfer/transfer-engine.ts'
import { slowDown } from './slow-down.ts'

/** What this process fetches or has fetched, for peers. The engine says which blobs may be shared. */
export class EngineShelf implements BlobShelf {
  readonly #engine: TransferEngine
  readonly #limiter: RateLimiter | undefined

  /** `uploadLimitRate` in bytes per second for all peers together. */
  constructor(engine: TransferEngine, uploadLimitRate?: number | undefined) {
    this.#engine = engine
    this.#limiter = uploadLimitRate === undefined ? undefined : new RateLimiter(uploadLimitRate)
  }

  async find(oid: Oid, _asker: Asker): Promise<SharedBlob | undefined> {
    const blob = this.#engine.shared(oid)
    return blob && this.#limiter ? slowDown(blob, this.#limiter) : blob
  }

  onChange(oid: Oid, listener: () => void): () => void {
    return this.#engine.onShared(oid, listener)
  }
}
