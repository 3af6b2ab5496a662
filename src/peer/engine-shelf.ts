import type { Oid } from '../blob/oid.ts'
import type { BlobShelf, SharedBlob } from '../swarm/server/blob-shelf.ts'
import type { TransferEngine } from '../transfer/transfer-engine.ts'

/** What this process fetches or has fetched, for peers. The engine says which blobs may be shared. */
export class EngineShelf implements BlobShelf {
  readonly #engine: TransferEngine

  constructor(engine: TransferEngine) {
    this.#engine = engine
  }

  async find(oid: Oid): Promise<SharedBlob | undefined> {
    return this.#engine.shared(oid)
  }

  onChange(oid: Oid, listener: () => void): () => void {
    return this.#engine.onShared(oid, listener)
  }
}
