import type { Bitmap } from '../blob/bitmap.ts'
import { type ByteRange, pieceRange } from '../blob/pieces.ts'
import type { SharedBlob } from '../swarm/blob-shelf.ts'
import type { BlobTransfer } from './blob-transfer.ts'

/** A transfer as other peers see it: its pieces are served as soon as they are verified. */
export class SharedTransfer implements SharedBlob {
  readonly digests = new Map<number, string>()
  readonly #transfer: BlobTransfer
  readonly #listeners = new Set<() => void>()
  readonly #hashing = new Set<number>()

  constructor(transfer: BlobTransfer) {
    this.#transfer = transfer
  }

  get size(): number {
    return this.#transfer.parts.size
  }

  get pieces(): Bitmap {
    return this.#transfer.pieces
  }

  get fetching(): readonly number[] {
    return this.#transfer.scheduler.fetchingFromHub()
  }

  get asksHub(): boolean {
    return !this.#transfer.isHubGone && !this.pieces.isFull
  }

  subscribe(listener: () => void): () => void {
    const off = this.#transfer.subscribe(() => {
      this.#hashNewPieces()
      listener()
    })
    this.#listeners.add(listener)
    this.#hashNewPieces()
    return () => {
      off()
      this.#listeners.delete(listener)
    }
  }

  async open(range: ByteRange): Promise<Blob> {
    return Bun.file(this.#transfer.parts.file.path).slice(range.start, range.end)
  }

  async digestsOf(pieces: readonly number[], signal: AbortSignal): Promise<ReadonlyMap<number, string>> {
    const found = new Map<number, string>()
    for (const piece of pieces) {
      signal.throwIfAborted()
      if (!this.pieces.has(piece)) continue
      const digest = this.digests.get(piece) ?? (await this.#digestOf(piece))
      found.set(piece, digest)
    }
    return found
  }

  /** Piece digests cost a second hash of every byte, so they are computed only while somebody listens. */
  #hashNewPieces(): void {
    for (const piece of this.pieces) {
      if (this.digests.has(piece) || this.#hashing.has(piece)) continue
      this.#hashing.add(piece)
      this.#digestOf(piece)
        .then((digest) => {
          if (!this.pieces.has(piece)) return
          this.digests.set(piece, digest)
          for (const listener of this.#listeners) listener()
        })
        .catch(() => {})
        .finally(() => this.#hashing.delete(piece))
    }
    for (const piece of this.digests.keys()) if (!this.pieces.has(piece)) this.digests.delete(piece)
  }

  #digestOf(piece: number): Promise<string> {
    const { hashes, file, size } = this.#transfer.parts
    return hashes.digestOf(file.path, pieceRange(size, piece))
  }
}
