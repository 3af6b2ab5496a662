import { Bitmap } from '../../src/blob/bitmap.ts'
import { pieceDigest } from '../../src/blob/digest.ts'
import type { Oid } from '../../src/blob/oid.ts'
import { type ByteRange, pieceCountOf, pieceRange } from '../../src/blob/pieces.ts'
import type { Asker, BlobShelf, DigestWork, SharedBlob } from '../../src/swarm/server/blob-shelf.ts'

/** A blob in memory that grows as the test says. */
export class MemoryBlob implements SharedBlob {
  readonly bytes: Uint8Array
  readonly pieces: Bitmap
  readonly digests = new Map<number, string>()
  readonly listeners = new Set<() => void>()
  fetching: number[] = []
  /** Pieces that each peer is known to have. */
  readonly atPeers = new Set<number>()
  asksHub = true
  isPrivate = false
  /** Ranges given out, as a Blob unless `asStream` is set. */
  asStream: ((bytes: Uint8Array) => ReadableStream<Uint8Array>) | undefined

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.pieces = new Bitmap(pieceCountOf(bytes.length))
  }

  get size(): number {
    return this.bytes.length
  }

  /** Changes the blob and tells those who watch. */
  change(work: (blob: MemoryBlob) => void): void {
    work(this)
    for (const listener of this.listeners) listener()
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  isAtPeer(_: string, piece: number): boolean {
    return this.atPeers.has(piece)
  }

  async open({ start, end }: ByteRange): Promise<Blob | ReadableStream<Uint8Array>> {
    const bytes = this.bytes.slice(start, end)
    return this.asStream?.(bytes) ?? new Blob([bytes])
  }

  async digestsOf(pieces: readonly number[], { mayHash }: DigestWork): Promise<ReadonlyMap<number, string>> {
    const present = pieces.filter((index) => {
      const { start, end } = pieceRange(this.size, index)
      return this.pieces.has(index) && mayHash(end - start)
    })
    return new Map(
      present.map((index) => {
        const { start, end } = pieceRange(this.size, index)
        return [index, pieceDigest(this.bytes.subarray(start, end))]
      }),
    )
  }
}

/** A shelf that holds what the test puts there and remembers who asked. */
export class MemoryShelf implements BlobShelf {
  readonly blobs = new Map<string, MemoryBlob>()
  readonly askers: Asker[] = []
  readonly #listeners = new Set<() => void>()

  put(oid: Oid, blob: MemoryBlob): MemoryBlob {
    this.blobs.set(oid, blob)
    for (const listener of this.#listeners) listener()
    return blob
  }

  get listenerCount(): number {
    return this.#listeners.size
  }

  async find(oid: Oid, asker: Asker): Promise<SharedBlob | undefined> {
    this.askers.push(asker)
    const blob = this.blobs.get(oid)
    return blob?.isPrivate && !asker.hasKey ? undefined : blob
  }

  onChange(_: Oid, listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
