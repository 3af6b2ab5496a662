import type { HttpHeaders } from './http-headers.ts'
import { parseRateLimit } from './rate-limit.ts'

const backoffSeconds = [1, 2, 4, 8, 8] as const

/** How often a failed request is repeated before its error stands. */
export const MAX_RETRIES = backoffSeconds.length

/** True for a status that may be another one next time. */
export function isRetryableStatus(status: number): boolean {
  return status === 408 || status === 429 || (status >= 500 && status !== 501 && status !== 505)
}

/** The pause before retry `attempt` (0 is the first) without advice: 1, 2, 4, 8, 8 s, spread by a quarter each way. */
export function backoffMs(attempt: number, random: () => number): number {
  const seconds = backoffSeconds[Math.min(attempt, backoffSeconds.length - 1)] ?? 8
  return Math.round(seconds * 1000 * (0.75 + random() / 2))
}

/**
 * How long the other side asked to wait, in milliseconds: the rest of a used-up RateLimit window, else Retry-After
 * as seconds or as a date, one second more than told as the Hub's clients do. Undefined when it said nothing.
 */
export function adviceMs(status: number, headers: HttpHeaders, nowMs: number): number | undefined {
  const limit = parseRateLimit(headers.get('ratelimit'))
  if (status === 429 && limit?.remaining === 0) return limit.resetMs + 1000
  const retryAfter = headers.get('retry-after')?.trim()
  if (retryAfter === undefined) return undefined
  if (/^\d{1,9}$/.test(retryAfter)) return Number(retryAfter) * 1000 + 1000
  const date = Date.parse(retryAfter)
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs) + 1000
}
