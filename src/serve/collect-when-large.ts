import { type OwnProcess, thisProcess } from './own-process.ts'

/** How often the process looks at its size, in ms. */
const INTERVAL_MS = 250
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
  readonly #timer: Timer
  /** Looks without a collection before the next one. */
  #skips = 0
  #pause = 0

  constructor(own: OwnProcess = thisProcess) {
    this.#own = own
    this.#timer = setInterval(() => this.look(), INTERVAL_MS).unref()
  }

  /** Looks at the size, and collects when that is due. Called four times a second. */
  look(): void {
    const { residentSize, collect } = this.#own
    const before = residentSize()
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
    clearInterval(this.#timer)
  }
}
