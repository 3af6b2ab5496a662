/** Bytes of garbage that may lie around. A collection takes about as long as it takes to make so much. */
const LIMIT = 12e6

/**
 * Collects garbage when about so much has been made. Left alone the collector lets the heap double before it looks: ten
 * thousand small files took 170 to 200 MB where they take 125.
 */
export class Garbage {
  readonly #collect: () => void
  #made = 0

  constructor(collect = () => Bun.gc(true)) {
    this.#collect = collect
  }

  /** Tells of `size` bytes of garbage, as an estimate. */
  add(size: number): void {
    this.#made += size
    if (this.#made < LIMIT) return
    this.#made = 0
    this.#collect()
  }
}
