import { describe, expect, test } from 'bun:test'
import { DfhfError } from '../../src/base/errors.ts'
import { HttpHeaders } from '../../src/http/http-headers.ts'
import { parseRateLimit } from '../../src/http/rate-limit.ts'
import { adviceMs, backoffMs, isRetryableStatus } from '../../src/http/retry.ts'
import { type Retry, withRetry } from '../../src/http/with-retry.ts'
import { thrownBy } from '../support/http/thrown-by.ts'

const nowMs = Date.parse('2026-01-01T00:00:00Z')
const delayOf = (attempt: number, status: number, headers: Record<string, string> = {}, random = 0.5) =>
  adviceMs(status, new HttpHeaders(headers), nowMs) ?? backoffMs(attempt, () => random)

describe('the pause before a retry', () => {
  test('doubles from one second to eight, spread by a quarter', () => {
    expect([0, 1, 2, 3, 4, 5].map((attempt) => delayOf(attempt, 503))).toEqual([
      1000, 2000, 4000, 8000, 8000, 8000,
    ])
    expect(delayOf(0, 503, {}, 0)).toBe(750)
    expect(delayOf(0, 503, {}, 0.999)).toBe(1250)
  })

  test('waits for the end of a used-up window, one second more', () => {
    expect(delayOf(0, 429, { ratelimit: '"api";r=0;t=42', 'retry-after': '5' })).toBe(43_000)
    expect(delayOf(0, 429, { ratelimit: '"api";r=3;t=42' })).toBe(1000)
    expect(delayOf(0, 503, { ratelimit: '"api";r=0;t=42' })).toBe(1000)
  })

  test('does as Retry-After says, in seconds or as a date', () => {
    expect(delayOf(3, 503, { 'retry-after': '5' })).toBe(6000)
    expect(delayOf(3, 429, { 'retry-after': 'Thu, 01 Jan 2026 00:00:10 GMT' })).toBe(11_000)
    expect(delayOf(3, 429, { 'retry-after': 'Thu, 01 Jan 1970 00:00:00 GMT' })).toBe(1000)
    expect(delayOf(0, 429, { 'retry-after': 'soon' })).toBe(1000)
  })

  test('follows only statuses that may pass', () => {
    const retryable = [400, 401, 403, 404, 408, 416, 429, 500, 501, 502, 503, 504].filter(isRetryableStatus)
    expect(retryable).toEqual([408, 429, 500, 502, 503, 504])
  })
})

describe('rate limit headers', () => {
  test('are read', () => {
    expect(parseRateLimit('"api";r=12;t=300')).toEqual({ kind: 'api', remaining: 12, resetMs: 300_000 })
  })

  test.each([undefined, '', 'api', '"api"', '"api";r=1', 'r=1;t=2', '"api";r=x;t=2'])(
    '%p tells nothing',
    (header) => {
      expect(parseRateLimit(header)).toBeUndefined()
    },
  )
})

describe('repeating', () => {
  const passing = new DfhfError('network', 'away', { retryable: true })
  const noWait = { wait: async () => {}, random: () => 0.5 }

  test('ends with the first success and tells each pause', async () => {
    const told: Retry[] = []
    const result = await withRetry(
      async (attempt) => {
        if (attempt < 2) throw passing
        return attempt
      },
      { ...noWait, onRetry: (retry) => told.push(retry) },
    )
    expect(result).toBe(2)
    expect(told.map(({ attempt, delayMs }) => [attempt, delayMs])).toEqual([
      [1, 1000],
      [2, 2000],
    ])
  })

  test('gives up after five repetitions', async () => {
    let tries = 0
    const error = await thrownBy(() =>
      withRetry(async () => {
        tries += 1
        throw passing
      }, noWait),
    )
    expect([error, tries]).toEqual([passing, 6])
  })

  test('counts being told to wait as a repetition, unless a gate says how long that may go on', async () => {
    const limited = new DfhfError('rate-limited', 'wait', { retryable: true })
    const triesOf = async (options: { readonly countsLimits?: boolean }) => {
      let tries = 0
      await withRetry(
        async () => {
          tries += 1
          if (tries < 20) throw limited
        },
        { ...noWait, ...options },
      ).catch((error: unknown) => expect(error).toBe(limited))
      return tries
    }
    expect(await triesOf({})).toBe(6)
    expect(await triesOf({ countsLimits: false })).toBe(20)
  })

  test('does not repeat what cannot get better, nor wait longer than is reasonable', async () => {
    const reasons = [
      new DfhfError('gated', 'no'),
      new TypeError('a bug'),
      new DfhfError('rate-limited', 'tomorrow', { retryable: true, retryAfterMs: 86_400_000 }),
    ]
    for (const reason of reasons) {
      let tries = 0
      const error = await thrownBy(() =>
        withRetry(async () => {
          tries += 1
          throw reason
        }, noWait),
      )
      expect([error, tries]).toEqual([reason, 1])
    }
  })

  test('stops waiting when its signal aborts', async () => {
    const stop = new AbortController()
    const reason = new Error('stop')
    const error = await thrownBy(() =>
      withRetry(
        async () => {
          throw passing
        },
        { signal: stop.signal, onRetry: () => stop.abort(reason) },
      ),
    )
    expect(error).toBe(reason)
  })
})
