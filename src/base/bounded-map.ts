/** A map of at most `most` entries: where one more comes, the one that was set longest ago goes. */
export class BoundedMap<Key, Value> extends Map<Key, Value> {
  readonly #most: number
  readonly #onDrop: ((value: Value) => void) | undefined

  /** `onDrop` hears of each entry that goes for want of room. */
  constructor(most: number, onDrop?: (value: Value) => void) {
    super()
    this.#most = most
    this.#onDrop = onDrop
  }

  /** Makes the entry the newest one, also where its key was there before. */
  override set(key: Key, value: Value): this {
    this.delete(key)
    super.set(key, value)
    if (this.size <= this.#most) return this
    for (const [oldest, dropped] of this) {
      this.delete(oldest)
      this.#onDrop?.(dropped)
      break
    }
    return this
  }
}
