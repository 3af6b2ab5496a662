import { delay } from '../base/delay.ts'
import { DfhfError } from '../base/errors.ts'
import { backoffMs, MAX_RETRIES } from './retry.ts'

/** What is about to be tried again, for a line to the user. */
export interface Retry {
  readonly error: DfhfError
  /** 1 for the first repetition. */
  readonly attempt: number
  readonly delayMs: number
}

/** How to repeat; everything but the signal has a default. */
export interface RetryOptions {
  readonly signal?: AbortSignal | undefined
  /** Repetitions after the first try. @default 5 */
  readonly retries?: number | undefined
  /** False where a RateGate decides for how long a host may answer 429. @default true */
  readonly countsLimits?: boolean | undefined
  /** The longest pause that is still worth it; a longer one that the server asks for ends in its error. @default 600000 */
  readonly maxDelayMs?: number | undefined
  readonly onRetry?: ((retry: Retry) => void) | undefined
  readonly random?: (() => number) | undefined
  /** Waits; for tests. */
  readonly wait?: typeof delay | undefined
}

/** Runs `work` until it succeeds, fails for good, or has been repeated often enough; the last error is thrown. */
export async function withRetry<T>(
  work: (attempt: number) => Promise<T>,
  options: RetryOptions = {},
): Promise<T> {
  const { signal, retries = MAX_RETRIES, maxDelayMs = 600_000, random = Math.random, wait = delay } = options
  const isFailure = ({ code }: DfhfError) => code !== 'rate-limited' || options.countsLimits !== false
  let failures = 0
  for (let attempt = 0; ; attempt += 1) {
    signal?.throwIfAborted()
    try {
      return await work(attempt)
    } catch (error) {
      if (!(error instanceof DfhfError) || !error.retryable || failures >= retries) throw error
      const delayMs = error.retryAfterMs ?? backoffMs(failures, random)
      if (isFailure(error)) failures += 1
      if (delayMs > maxDelayMs) throw error
      options.onRetry?.({ error, attempt: attempt + 1, delayMs })
      await wait(delayMs, { signal })
    }
  }
}
