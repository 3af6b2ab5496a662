/** Knows which texts it has met, so that none is shown twice; bounded, as a daemon meets many. */
export class Once {
  readonly #most: number
  readonly #met = new Set<string>()

  constructor(most = 1000) {
    this.#most = most
  }

  /** True the first time. */
  isNew(text: string): boolean {
    if (this.#met.has(text)) return false
    if (this.#met.size >= this.#most) this.#met.clear()
    this.#met.add(text)
    return true
  }
}
