import { describe, expect, test } from 'bun:test'
import { DfhfError } from '../../src/base/errors.ts'
import { HubRetryPolicy } from '../../src/schedule/hub-retry-policy.ts'
import { RateLimiter } from '../../src/transfer/rate-limiter.ts'

const broken = new DfhfError('network', 'reset', { retryable: true })

describe('the health of the hub', () => {
  test('waits longer from failure to failure, and gives up only after several in a row', () => {
    const health = new HubRetryPolicy()
    const waits: number[] = []
    let now = 0
    for (
      let verdict = health.failed(broken, now, 1);
      !verdict.isFinal;
      verdict = health.failed(broken, now, 1)
    ) {
      waits.push(verdict.waitMs)
      now += verdict.waitMs
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 8000])
    expect(health.finalError).toBe(broken)
  })

  test('forgets failures as soon as there is progress', () => {
    const health = new HubRetryPolicy()
    for (let round = 0; round < 50; round += 1) {
      expect(health.failed(broken, round * 60_000, 0).isFinal).toBe(false)
      health.progressed(round * 60_000)
    }
  })

  test('ends a pause soon where it gives again, but not one that it asked for', () => {
    for (const [error, wait] of [
      [broken, 500],
      [new DfhfError('network', '503', { retryable: true, retryAfterMs: 8_000 }), 8_000],
      [new DfhfError('rate-limited', '429', { retryable: true }), 4_000],
    ] as const) {
      const health = new HubRetryPolicy()
      let now = 0
      for (let failure = 0; failure < 4; failure += 1) now += health.failed(error, now, 1).waitMs
      const failedAt = now - (error.retryAfterMs ?? 4_000)
      expect(health.quietUntil).toBe(now)
      health.progressed(failedAt)
      expect(health.quietUntil - failedAt).toBe(wait)
    }
  })

  test('does as it is told by a 429 for as long as the hub says so', () => {
    const health = new HubRetryPolicy()
    const limited = new DfhfError('rate-limited', '429', { retryable: true, retryAfterMs: 30_000 })
    for (let round = 0; round < 50; round += 1) {
      expect(health.failed(limited, round * 60_000, 0.5)).toEqual({
        isFinal: false,
        waitMs: 30_000,
        isCongestion: true,
      })
    }
  })

  test('gives up at once where the same request can never succeed', () => {
    const health = new HubRetryPolicy()
    expect(health.failed(new DfhfError('gated', 'no'), 0, 0).isFinal).toBe(true)
    expect(health.finalError?.code).toBe('gated')
  })
})

test('a rate limiter holds back what would be faster than the rate, and lets a short burst pass', async () => {
  let now = 0
  const limiter = new RateLimiter(1_000_000, () => now)
  const { signal } = new AbortController()
  await limiter.take(200_000, signal)
  const stop = new AbortController()
  const held = limiter.take(60_000_000, stop.signal)
  stop.abort()
  await expect(held).rejects.toMatchObject({ name: 'AbortError' })
  now += 120_000
  await limiter.take(200_000, signal)
  await new RateLimiter(0).take(1e12, signal)
})
