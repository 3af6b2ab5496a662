import type { Now } from './reporter.ts'

const SLOT_MS = 250

/** Bytes a second over the last few seconds: steady enough to read, and zero soon after the bytes stop. */
export class SpeedMeter {
  readonly #now: Now
  readonly #slots: number[]
  readonly #startedMs: number
  #slot: number
  #sum = 0

  constructor(now: Now, windowMs = 5000) {
    this.#now = now
    this.#startedMs = now()
    this.#slots = new Array<number>(Math.max(1, Math.round(windowMs / SLOT_MS))).fill(0)
    this.#slot = this.#slotNow()
  }

  /** Counts bytes that arrived now; negative for bytes that were given up. */
  add(count: number): void {
    this.#advance()
    const index = this.#slot % this.#slots.length
    this.#slots[index] = (this.#slots[index] ?? 0) + count
    this.#sum += count
  }

  /** Bytes a second, never below zero. */
  rate(): number {
    this.#advance()
    const windowMs = this.#slots.length * SLOT_MS
    const elapsedMs = Math.min(this.#now() - this.#startedMs, windowMs)
    return elapsedMs < SLOT_MS / 2 ? 0 : Math.max(0, (this.#sum * 1000) / elapsedMs)
  }

  #advance(): void {
    const target = this.#slotNow()
    const steps = Math.min(target - this.#slot, this.#slots.length)
    for (let step = 1; step <= steps; step += 1) {
      const index = (this.#slot + step) % this.#slots.length
      this.#sum -= this.#slots[index] ?? 0
      this.#slots[index] = 0
    }
    if (target - this.#slot > steps) this.#slots.fill(0)
    this.#slot = Math.max(this.#slot, target)
  }

  #slotNow(): number {
    return Math.floor(this.#now() / SLOT_MS)
  }
}
