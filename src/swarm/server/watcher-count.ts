/** Counts held streams, in all and by address. A sixteenth of the places is kept for peers that must be heard. */
export class WatcherCount {
  readonly #limit: number
  readonly #perAddress: number
  readonly #byAddress = new Map<string, number>()
  #count = 0

  constructor(limit: number, perAddress: number) {
    this.#limit = limit
    this.#perAddress = perAddress
  }

  /** Takes a place, one of those that are kept where `isUrgent`; returns what gives it back, or undefined when there is none. */
  enter(address: string, isUrgent = false): (() => void) | undefined {
    const held = this.#byAddress.get(address) ?? 0
    const limit = isUrgent ? this.#limit : this.#limit - keptPlaces(this.#limit)
    if (this.#count >= limit || held >= this.#perAddress) return undefined
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

/** How many of `limit` places are kept for peers that must be heard. */
export function keptPlaces(limit: number): number {
  return Math.floor(limit / 16)
}
