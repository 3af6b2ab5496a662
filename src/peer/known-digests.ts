import type { Oid } from '../blob/oid.ts'

/** Digests that are remembered, of all blobs together: a few megabytes. */
const MAX_DIGESTS = 16_384

/** The digests of pieces of whole blobs, so that no piece is hashed for each peer that asks. */
export class KnownDigests {
  /** The blob that was asked for longest ago comes first. */
  readonly #byBlob = new Map<Oid, Map<number, string>>()
  readonly #max: number
  #count = 0

  constructor(max = MAX_DIGESTS) {
    this.#max = max
  }

  /** Digests that are remembered now. */
  get count(): number {
    return this.#count
  }

  /** The digests of pieces; `compute` gives one that is not known, or undefined to leave it out. */
  async digestsOf(
    oid: Oid,
    pieces: readonly number[],
    compute: (piece: number) => Promise<string | undefined>,
  ): Promise<ReadonlyMap<number, string>> {
    const found = new Map<number, string>()
    for (const piece of pieces) {
      const digest = this.#byBlob.get(oid)?.get(piece) ?? (await compute(piece))
      if (digest === undefined) continue
      found.set(piece, digest)
      this.#note(oid, piece, digest)
    }
    return found
  }

  /** Forgets a blob that came, went or changed. */
  forget(oid: Oid): void {
    this.#count -= this.#byBlob.get(oid)?.size ?? 0
    this.#byBlob.delete(oid)
  }

  #note(oid: Oid, piece: number, digest: string): void {
    const digests = this.#byBlob.get(oid) ?? new Map<number, string>()
    this.#byBlob.delete(oid)
    this.#byBlob.set(oid, digests)
    if (!digests.has(piece)) this.#count += 1
    digests.set(piece, digest)
    for (const oldest of this.#byBlob.keys()) {
      if (this.#count <= this.#max) return
      this.forget(oldest)
    }
  }
}
