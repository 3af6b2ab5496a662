import { type OwnProcess, thisProcess } from './own-process.ts'

/** How often the process looks at itself, in ms. */
const INTERVAL_MS = 10_000
/** Less than this part of a core's time is rest. */
const RESTING = 0.02
/** Bytes by which a process must have grown for shrinking to be worth the code that is compiled again afterwards. */
const WORTH_SHRINKING = 12e6

/**
 * Gives memory back when the process rests after work. Left alone, a daemon that had served 900 blobs kept 112 MB: code
 * that was compiled for the work, and heap that the collector keeps for the next; now it keeps 87 MB. The runtime's types
 * call `shrink` deprecated and name no other way; a full collection alone gives nothing back.
 */
export class ShrinkAtRest implements Disposable {
  readonly #own: OwnProcess
  readonly #timer: Timer
  #lastCpuTime: number
  /** Bytes held after it last shrank; while undefined the next look tells. */
  #least: number | undefined

  constructor(own: OwnProcess = thisProcess) {
    this.#own = own
    this.#lastCpuTime = own.cpuTime()
    this.#least = own.residentSize()
    this.#timer = setInterval(() => this.look(), INTERVAL_MS).unref()
  }

  /** Looks whether the process rests, and shrinks it when that is worth it. Called every 10 s. */
  look(): void {
    const { cpuTime, residentSize, shrink } = this.#own
    const now = cpuTime()
    const isResting = now - this.#lastCpuTime < RESTING * INTERVAL_MS * 1_000
    this.#lastCpuTime = now
    const size = residentSize()
    this.#least = Math.min(this.#least ?? size, size)
    if (!isResting || size - this.#least < WORTH_SHRINKING) return
    this.#least = undefined
    shrink()
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}
