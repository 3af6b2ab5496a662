import { type OwnProcess, thisProcess } from './own-process.ts'

/** How often the process looks at its size, in ms, and how often while it is small and does not grow. */
const INTERVAL_MS = 250
const REST_INTERVAL_MS = 1_000
/** Bytes by which a process at rest may grow between two looks. */
const NO_GROWTH = 1e6
/** Bytes from which on garbage is collected at once: under the 160 MB that dfhf promises to stay below. */
const LARGE = 110e6
/** A collection that frees fewer bytes was for nothing, and the next one waits longer: so many looks at the most. */
const WORTH_COLLECTING = 4e6
const MOST_SKIPPED = 32

/**
 * Collects garbage at once when the process has grown large. The collector has threads of its own, which fall behind where
 * all cores are busy: a hundred readers then took 168 MB where they take 148 on a quiet machine.
 */
export class CollectWhenLarge implements Disposable {
  readonly #own: OwnProcess
  #timer: Timer
  /** Looks without a collection before the next one. */
  #skips = 0
  #pause = 0
  #last = 0

  constructor(own: OwnProcess = thisProcess) {
    this.#own = own
    this.#timer = this.#lookAfter(INTERVAL_MS)
  }

  /** Looks at the size, and collects when that is due. Called four times a second unless the process rests. */
  look(): void {
    const { residentSize, collect } = this.#own
    const before = residentSize()
    this.#last = before
    if (before < LARGE) {
      this.#pause = 0
      this.#skips = 0
      return
    }
    if (this.#skips > 0) {
      this.#skips -= 1
      return
    }
    collect()
    this.#pause =
      before - residentSize() >= WORTH_COLLECTING ? 0 : Math.min(MOST_SKIPPED, 1 + 2 * this.#pause)
    this.#skips = this.#pause
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
  }

  #lookAfter(ms: number): Timer {
    return setTimeout(() => {
      const last = this.#last
      this.look()
      const isResting = this.#last < LARGE && this.#last - last < NO_GROWTH
      this.#timer = this.#lookAfter(isResting ? REST_INTERVAL_MS : INTERVAL_MS)
    }, ms).unref()
  }
}
