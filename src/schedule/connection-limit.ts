import { FIRST_CALM_MS, GROWTH_THAT_PAYS, LONGEST_CALM_MS, PROBE_EVERY_MS, STEP_THAT_PAYS } from './tuning.ts'

/**
 * Decides how many connections to a server pay off: doubles while throughput grows with the count, then holds
 * and probes one more now and then, and halves when the server complains. Deterministic: time and samples come in.
 */
export class ConnectionLimit {
  readonly #max: number
  #limit: number
  /** What the last smaller limit reached, in bytes per ms, while a larger one is on trial. */
  #trial: { readonly fallback: number; readonly rate: number; readonly wasDisturbed?: true } | undefined
  #isGrowing = true
  #nextProbeAt = 0
  #calmUntil = 0
  #calmMs = 0
  /** True while it waits for the calm to pass after what may have been a bad moment of one server. */
  #growsAgain = false

  /** `max` connections at the most, `start` of them at once from the beginning. */
  constructor(options: { readonly max: number; readonly start: number }) {
    this.#max = options.max
    this.#limit = Math.min(options.start, options.max)
  }

  get limit(): number {
    return this.#limit
  }

  /** True for a while after the server refused or dropped connections. */
  isCalm(now: number): boolean {
    return now < this.#calmUntil
  }

  /** Takes a window's throughput in bytes per ms, measured while all allowed connections were in use. */
  sample(rate: number, now: number): void {
    const trial = this.#trial
    this.#trial = undefined
    if (trial) {
      const pays = rate >= trial.rate * (this.#isGrowing ? GROWTH_THAT_PAYS : STEP_THAT_PAYS)
      if (!pays) {
        this.#limit = trial.fallback
        this.#isGrowing = false
        this.#nextProbeAt = now + PROBE_EVERY_MS
        return
      }
    }
    if (this.#limit >= this.#max) return
    if (this.#growsAgain && now >= this.#calmUntil) {
      this.#growsAgain = false
      this.#isGrowing = true
    }
    if (!this.#isGrowing && now < this.#nextProbeAt) return
    this.#trial = { fallback: this.#limit, rate }
    this.#limit = Math.min(this.#max, this.#isGrowing ? this.#limit * 2 : this.#limit + 1)
    this.#nextProbeAt = now + PROBE_EVERY_MS
  }

  /**
   * The connections were not all in use in a window, so that it says nothing. New ones take a moment to open: a trial goes
   * on for one such window. After that, what was learned before may not hold any more, and growth is tried anew.
   */
  unsettle(now: number): void {
    if (this.#trial && !this.#trial.wasDisturbed) {
      this.#trial = { ...this.#trial, wasDisturbed: true }
      return
    }
    this.#trial = undefined
    if (now >= this.#calmUntil) this.#isGrowing = true
  }

  /**
   * The server refused (503) or dropped connections: half as many, and no more for a while; the longest where it said so
   * (429). Where there is one already, fewer are not to be had: a bad moment of the server makes the calm no longer then.
   * Among peers six 503 of a CDN came one after the other, and held a download at one connection for 9 s of 12.
   */
  congested(now: number, isToldToWait = false): void {
    if (this.#limit === 1 && this.isCalm(now) && !isToldToWait) return
    if (now - this.#calmUntil > LONGEST_CALM_MS) this.#calmMs = 0
    this.#calmMs = isToldToWait
      ? LONGEST_CALM_MS
      : Math.min(LONGEST_CALM_MS, Math.max(FIRST_CALM_MS, 2 * this.#calmMs))
    this.#trial = undefined
    this.#isGrowing = false
    this.#growsAgain = !isToldToWait
    this.#limit = Math.max(1, Math.floor(this.#limit / 2))
    this.#calmUntil = now + this.#calmMs
    this.#nextProbeAt = this.#calmUntil
  }
}
