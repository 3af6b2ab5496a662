import { delay } from '../base/delay.ts'

/** How far ahead of the average a burst may run. */
const BURST_MS = 250

/** Keeps a stream of bytes under an average rate, for all that share it. */
export class RateLimiter {
  readonly #bytesPerMs: number
  readonly #clock: () => number
  /** When the bytes taken so far would have passed at the allowed rate. */
  #paidUntil = 0

  /** `bytesPerSecond` of 0 or Infinity does not limit. */
  constructor(bytesPerSecond: number, clock: () => number = () => performance.now()) {
    this.#bytesPerMs = bytesPerSecond > 0 ? bytesPerSecond / 1000 : Number.POSITIVE_INFINITY
    this.#clock = clock
  }

  /** Accounts for `bytes` here and with another limiter; gives what to wait for, as `take` does. */
  takeWith(other: RateLimiter | undefined, bytes: number, signal: AbortSignal): Promise<void> | undefined {
    const [mine, others] = [this.take(bytes, signal), other?.take(bytes, signal)]
    return mine && others ? Promise.all([mine, others]).then(() => {}) : (mine ?? others)
  }

  /** Accounts for `bytes`; resolves when they fit the rate, and gives nothing to wait for where they do. */
  take(bytes: number, signal: AbortSignal): Promise<void> | undefined {
    if (this.#bytesPerMs === Number.POSITIVE_INFINITY) return undefined
    const now = this.#clock()
    this.#paidUntil = Math.max(this.#paidUntil, now - BURST_MS) + bytes / this.#bytesPerMs
    const wait = this.#paidUntil - now
    return wait > 0 ? delay(wait, { signal }) : undefined
  }
}
