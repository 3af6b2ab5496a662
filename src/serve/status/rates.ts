/** After so long without a look a rate would be an average of long ago. */
const MOST_MS = 10_000

/** Rates of counts that only grow, from one look to the next. */
export class Rates {
  readonly #now: () => number
  #before = new Map<string, number>()
  #counts = new Map<string, number>()
  #beforeMs = Number.NEGATIVE_INFINITY
  #atMs = Number.NEGATIVE_INFINITY

  constructor(now: () => number) {
    this.#now = now
  }

  /** Begins a look: what was counted in the last one is what rates are measured from. */
  begin(): void {
    this.#before = this.#counts
    this.#counts = new Map()
    this.#beforeMs = this.#atMs
    this.#atMs = this.#now()
  }

  /** The rate a second of a count; 0 where the last look was too long ago, or did not have it. */
  of(key: string, count: number): number {
    this.#counts.set(key, count)
    const before = this.#before.get(key)
    const ms = this.#atMs - this.#beforeMs
    if (before === undefined || ms > MOST_MS || ms <= 0) return 0
    return Math.max(0, Math.round(((count - before) * 1000) / ms))
  }
}
