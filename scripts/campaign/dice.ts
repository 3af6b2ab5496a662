import { seededRandom } from '../../test/support/random/seeded-random.ts'

/** Choices that look random and follow from a seed. */
export class Dice {
  readonly #next: () => number

  constructor(seed: number) {
    this.#next = seededRandom(seed)
    // Neighbouring seeds begin alike.
    for (let round = 0; round < 4; round += 1) this.#next()
  }

  /** From 0 to below 1. */
  fraction(): number {
    return this.#next()
  }

  /** An integer, both ends included. */
  integer(least: number, most: number): number {
    return least + Math.floor(this.#next() * (most - least + 1))
  }

  /** True in so many of all cases, from 0 to 1. */
  chance(probability: number): boolean {
    return this.#next() < probability
  }

  pick<T>(list: readonly [T, ...T[]]): T {
    return list[Math.floor(this.#next() * list.length)] ?? list[0]
  }

  /** One of the values, each as likely as its weight says. */
  weighted<T>(choices: readonly [readonly [T, number], ...(readonly [T, number])[]]): T {
    let rest = this.#next() * choices.reduce((sum, [, weight]) => sum + weight, 0)
    for (const [value, weight] of choices) {
      rest -= weight
      if (rest < 0) return value
    }
    return choices[0][0]
  }

  /** From `least` to `most` different entries of a list, in a new order. */
  some<T>(list: readonly T[], least: number, most: number): T[] {
    const rest = [...list]
    const taken: T[] = []
    const count = Math.min(this.integer(least, most), rest.length)
    while (taken.length < count) taken.push(...rest.splice(this.integer(0, rest.length - 1), 1))
    return taken
  }
}
