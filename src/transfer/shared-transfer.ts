import type { Bitmap } from '../blob/bitmap.ts'
import { type ByteRange, pieceRange } from '../blob/pieces.ts'
import type { DigestWork, SharedBlob } from '../swarm/server/blob-shelf.ts'
import type { BlobTransfer } from './blob-transfer.ts'

/** A transfer as other peers see it: its pieces are served as soon as they are verified. */
export class SharedTransfer implements SharedBlob {
  readonly #transfer: BlobTransfer
  readonly #listeners = new Set<() => void>()
  readonly #hashing = new Set<number>()
  /** When a peer last asked for bytes, on the clock of `performance.now`. */
  askedAt = Number.NEGATIVE_INFINITY
  #digests = new Map<number, string>()
  /** The revision of the bytes from which the digests were computed. */
  #revision = 0
  #stopListening = () => {}

  constructor(transfer: BlobTransfer) {
    this.#transfer = transfer
  }

  get size(): number {
    return this.#transfer.parts.size
  }

  get pieces(): Bitmap {
    return this.#transfer.pieces.bitmap
  }

  get fetching(): readonly number[] {
    return this.#transfer.fetchingFromHub
  }

  get asksHub(): boolean {
    return this.#transfer.asksHub
  }

  /** Piece digests cost a second hash of every byte, so they are computed only while a peer listens. */
  get digests(): ReadonlyMap<number, string> {
    return this.#digests
  }

  subscribe(listener: () => void): () => void {
    const entry = () => listener()
    if (this.#listeners.size === 0)
      this.#stopListening = this.#transfer.pieces.subscribe(() => this.#changed())
    this.#listeners.add(entry)
    this.#hashNewPieces()
    return () => {
      if (this.#listeners.delete(entry) && this.#listeners.size === 0) this.#stopListening()
    }
  }

  isAtPeer(peerId: string, piece: number): boolean {
    return this.#transfer.isAtPeer(peerId, piece)
  }

  async open(range: ByteRange): Promise<Blob> {
    this.askedAt = performance.now()
    return Bun.file(this.#transfer.parts.file.path).slice(range.start, range.end)
  }

  async digestsOf(
    pieces: readonly number[],
    { mayHash, signal }: DigestWork,
  ): Promise<ReadonlyMap<number, string>> {
    const found = new Map<number, string>()
    for (const piece of pieces) {
      signal.throwIfAborted()
      this.#forgetOldRevision()
      if (!this.pieces.has(piece)) continue
      const known = this.#digests.get(piece)
      const { start, end } = pieceRange(this.size, piece)
      if (known === undefined && !mayHash(end - start)) continue
      const revision = this.#revision
      const digest = known ?? (await this.#digestOf(piece))
      found.set(piece, digest)
      if (revision === this.#transfer.pieces.revision && this.pieces.has(piece))
        this.#digests.set(piece, digest)
    }
    return found
  }

  #changed(): void {
    this.#hashNewPieces()
    for (const listener of this.#listeners) listener()
  }

  #forgetOldRevision(): void {
    const { revision } = this.#transfer.pieces
    if (revision === this.#revision) return
    this.#revision = revision
    this.#digests = new Map()
    this.#hashing.clear()
  }

  #hashNewPieces(): void {
    this.#forgetOldRevision()
    const revision = this.#revision
    for (const piece of this.pieces) {
      if (this.#digests.has(piece) || this.#hashing.has(piece)) continue
      const known = this.#transfer.pieces.digestOf(piece)
      if (known !== undefined) {
        this.#digests.set(piece, known)
        continue
      }
      this.#hashing.add(piece)
      this.#hash(piece, revision).catch(() => {})
    }
  }

  async #hash(piece: number, revision: number): Promise<void> {
    try {
      const digest = await this.#digestOf(piece)
      if (revision !== this.#revision || !this.pieces.has(piece)) return
      this.#digests.set(piece, digest)
      for (const listener of this.#listeners) listener()
    } finally {
      if (revision === this.#revision) this.#hashing.delete(piece)
    }
  }

  #digestOf(piece: number): Promise<string> {
    const { hashes, file, size } = this.#transfer.parts
    return hashes.digestOf(file.path, pieceRange(size, piece))
  }
}
