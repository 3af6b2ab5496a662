import { type DfhfError, isOfClass } from '../base/errors.ts'
import {
  GO_ON_MS,
  HUB_BACKOFF_MS,
  LONGEST_WAIT_MS,
  MAX_HUB_FAILURES,
  ODD_RESPONSE_FAILURES,
} from './tuning.ts'

/** What to do about a failed request to the Hub. */
export interface Verdict {
  /** True when it makes no sense to ask again. */
  readonly isFinal: boolean
  /** How long to leave the Hub alone, in ms. */
  readonly waitMs: number
  /** True when fewer connections would be wise. */
  readonly isCongestion: boolean
}

/** Counts what goes wrong with the Hub and says when to try again and when to give up. Deterministic. */
export class HubRetryPolicy {
  #failures = 0
  #hasProgressed = false
  #quietUntil = 0
  /** True where the Hub itself said how long to leave it alone. */
  #isTold = false
  #error: DfhfError | undefined

  /** The error that made the Hub unusable for this blob. */
  get finalError(): DfhfError | undefined {
    return this.#error
  }

  /** Until when the Hub is left alone, in ms. */
  get quietUntil(): number {
    return this.#quietUntil
  }

  /**
   * A piece landed at `now`, or as good as that: what failed before does not count any more. Bytes that are lost again do
   * not. A Hub that gives is left alone no longer than after a first failure, unless it said so.
   */
  progressed(now: number): void {
    this.#failures = 0
    this.#hasProgressed = true
    if (!this.#isTold) this.#quietUntil = Math.min(this.#quietUntil, now + backoffMs(1))
  }

  /**
   * Judges a failure at `now`, in ms. What fails while the Hub is left alone failed for the same reason as before:
   * sixteen connections that break together are one failure. `random` in 0..1 spreads the retries of many processes.
   */
  failed(error: DfhfError, now: number, random: number): Verdict {
    const isLimit = error.code === 'rate-limited'
    const isRepeated = now < this.#quietUntil
    // A Hub that says to wait has not failed: it may go on saying so for as long as it likes.
    if (!isLimit && !isRepeated) this.#failures += error.retryable ? 1 : ODD_RESPONSE_FAILURES
    const isOdd = error.code === 'bad-response'
    if (!(error.retryable || isOdd) || this.#failures > MAX_HUB_FAILURES) {
      this.#error = error
      return { isFinal: true, waitMs: 0, isCongestion: false }
    }
    const rest = Math.max(0, this.#quietUntil - now)
    const isCut = isOfClass(error, 'network')
    const pause = isCut && this.#hasProgressed ? GO_ON_MS : backoffMs(this.#failures)
    const backoff = isRepeated ? rest : pause * (0.5 + random / 2)
    this.#hasProgressed = false
    this.#isTold = isLimit || error.retryAfterMs !== undefined || (isRepeated && this.#isTold)
    const waitMs = Math.max(rest, Math.min(LONGEST_WAIT_MS, error.retryAfterMs ?? backoff))
    this.#quietUntil = now + waitMs
    return { isFinal: false, waitMs, isCongestion: isLimit || (this.#failures > 1 && !isRepeated) }
  }
}

function backoffMs(failures: number): number {
  return HUB_BACKOFF_MS[Math.min(Math.max(failures, 1), HUB_BACKOFF_MS.length) - 1] ?? 0
}
