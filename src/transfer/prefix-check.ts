import type { Oid } from '../blob/oid.ts'
import { pieceSizeOf } from '../blob/pieces.ts'
import type { HashService, PrefixHash } from '../hash/hash-service.ts'
import type { LandedPieces } from './writing/landed-pieces.ts'

/** Hashes a blob from its first byte on while its pieces land, so that little is left to do when the last one is here. */
export class PrefixCheck implements Disposable {
  readonly #oid: Oid
  readonly #size: number
  readonly #pieces: LandedPieces
  readonly #hash: PrefixHash
  readonly #unsubscribe: () => void
  /** Pieces that are here without a gap before them. */
  #complete = 0

  constructor(parts: {
    readonly oid: Oid
    readonly size: number
    readonly path: string
    readonly pieces: LandedPieces
    readonly hashes: HashService
  }) {
    this.#oid = parts.oid
    this.#size = parts.size
    this.#pieces = parts.pieces
    this.#hash = parts.hashes.follow(parts.path, parts.oid, parts.size)
    this.#unsubscribe = parts.pieces.subscribe(() => this.#advance())
    this.#advance()
  }

  /** Hashes the rest; true when the blob is what its oid says. To be called when all pieces are here and stay as they are. */
  async isRight(): Promise<boolean> {
    return (await this.#hash.finish()) === this.#oid
  }

  /** Begins anew from the first byte, because pieces were taken back. */
  restart(): void {
    this.#hash.restart()
    this.#complete = 0
    this.#advance()
  }

  [Symbol.dispose](): void {
    this.#unsubscribe()
    this.#hash.close()
  }

  #advance(): void {
    const before = this.#complete
    this.#complete = this.#pieces.bitmap.firstMissing(before)
    if (this.#complete > before)
      this.#hash.advance(Math.min(this.#size, this.#complete * pieceSizeOf(this.#size)))
  }
}
