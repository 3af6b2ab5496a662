import { Listeners } from '../../base/listeners.ts'
import type { Bitmap } from '../../blob/bitmap.ts'
import type { SourceKind } from '../../blob/blob-source.ts'
import { HUB } from '../../schedule/piece-board.ts'

/** Which source gave the bytes of a piece. */
interface Provenance {
  readonly source: string
  /** A peer that claimed to have the whole blob, and so to have checked it, sent them. */
  readonly isVouchedFor: boolean
}

/** The pieces of one blob that are in its file, and what is known of each: the state that the parts of a transfer share. */
export class LandedPieces {
  /** Pieces that may be read and served; the board adds to it. */
  readonly bitmap: Bitmap
  /** Pieces of an earlier run have none. */
  readonly #provenance = new Map<number, Provenance>()
  readonly #digests = new Map<number, string>()
  readonly #listeners = new Listeners()
  #revision = 0

  constructor(bitmap: Bitmap) {
    this.bitmap = bitmap
  }

  get size(): number {
    return this.bitmap.size
  }

  get isFull(): boolean {
    return this.bitmap.isFull
  }

  /** Grows whenever bytes that were here turned out to be wrong: what is remembered of them is void. */
  get revision(): number {
    return this.#revision
  }

  has(piece: number): boolean {
    return this.bitmap.has(piece)
  }

  /** The source that gave a piece in this run. */
  sourceOf(piece: number): string | undefined {
    return this.#provenance.get(piece)?.source
  }

  /** Where a piece came from, `local` for one of an earlier run; undefined while it is missing. */
  kindOf(piece: number): SourceKind | undefined {
    if (!this.bitmap.has(piece)) return undefined
    const source = this.sourceOf(piece)
    if (source === undefined) return 'local'
    return source === HUB ? 'hub' : 'peers'
  }

  /** True where the sender claimed to have the whole blob when it sent the piece. */
  isVouchedFor(piece: number): boolean {
    return this.#provenance.get(piece)?.isVouchedFor ?? false
  }

  /** The digest of a piece that was checked when it came. */
  digestOf(piece: number): string | undefined {
    return this.#digests.get(piece)
  }

  /** Calls `listener` after each change of pieces or of what is being fetched, until the returned function is called. */
  subscribe(listener: () => void): () => void {
    return this.#listeners.add(listener)
  }

  /** Tells all subscribers to look again. */
  changed(): void {
    this.#listeners.tell()
  }

  /** Notes where a piece came from, and its digest where that was computed. */
  note(piece: number, { digest, ...provenance }: Provenance & { readonly digest: string | undefined }): void {
    this.#provenance.set(piece, provenance)
    if (digest !== undefined) this.#digests.set(piece, digest)
  }

  /** Puts a piece down as here that no lease brought; `rewritten` must follow. */
  add(piece: number, provenance: Provenance): void {
    this.bitmap.add(piece)
    this.#provenance.set(piece, provenance)
  }

  /** Takes a piece back; `rewritten` must follow once all of them are. */
  delete(piece: number): void {
    this.bitmap.delete(piece)
    this.#provenance.delete(piece)
  }

  /** Bytes of pieces that were here have changed. */
  rewritten(): void {
    this.#revision += 1
    this.#digests.clear()
    this.changed()
  }
}
