/** Counts held streams, in all and by address. */
export class WatcherCount {
  readonly #limit: number
  readonly #perAddress: number
  readonly #byAddress = new Map<string, number>()
  #count = 0

  constructor(limit: number, perAddress: number) {
    this.#limit = limit
    this.#perAddress = perAddress
  }

  /** Takes a place; returns what gives it back, or undefined when there is none. */
  enter(address: string): (() => void) | undefined {
    const held = this.#byAddress.get(address) ?? 0
    if (this.#count >= this.#limit || held >= this.#perAddress) return undefined
    this.#count += 1
    this.#byAddress.set(address, held + 1)
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      this.#count -= 1
      const left = (this.#byAddress.get(address) ?? 1) - 1
      if (left === 0) this.#byAddress.delete(address)
      else this.#byAddress.set(address, left)
    }
  }
}
