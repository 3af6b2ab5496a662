import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { ConnectionLimit } from '../../src/schedule/connection-limit.ts'

/** Feeds a server that gives `perConnection` bytes per ms each, up to `total`, for a while; returns the limits seen. */
function climb(
  limit: ConnectionLimit,
  options: { perConnection: number; total: number; windows: number },
): number[] {
  const seen: number[] = []
  for (let n = 1; n <= options.windows; n += 1) {
    limit.sample(Math.min(options.total, limit.limit * options.perConnection), 400 * n)
    seen.push(limit.limit)
  }
  return seen
}

describe('the limit of connections', () => {
  test('doubles while that pays', () => {
    const limit = new ConnectionLimit({ max: 32, start: 4 })
    expect(climb(limit, { perConnection: 10, total: 1_000, windows: 5 })).toEqual([8, 16, 32, 32, 32])
  })

  test('goes back to the smaller count when twice as many bring no more', () => {
    const limit = new ConnectionLimit({ max: 32, start: 4 })
    expect(climb(limit, { perConnection: 10, total: 40, windows: 3 })).toEqual([8, 4, 4])
  })

  test('judges a trial by the first window in which all were in use', () => {
    const limit = new ConnectionLimit({ max: 32, start: 4 })
    limit.sample(40, 400)
    limit.unsettle(800)
    expect(limit.limit).toBe(8)
    limit.sample(40, 1_200)
    expect(limit.limit).toBe(4)
  })

  test('keeps what it allowed while no window tells, and grows from there', () => {
    const limit = new ConnectionLimit({ max: 32, start: 4 })
    limit.sample(40, 400)
    limit.unsettle(800)
    limit.unsettle(1_200)
    expect(limit.limit).toBe(8)
    expect(climb(limit, { perConnection: 10, total: 1_000, windows: 2 })).toEqual([16, 32])
  })

  test('tries one more every ten seconds and keeps it only if it helps', () => {
    const limit = new ConnectionLimit({ max: 32, start: 4 })
    climb(limit, { perConnection: 10, total: 40, windows: 3 })
    limit.sample(40, 5_000)
    expect(limit.limit).toBe(4)
    limit.sample(40, 11_000)
    expect(limit.limit).toBe(5)
    limit.sample(40, 11_400)
    expect(limit.limit).toBe(4)
    limit.sample(40, 22_000)
    limit.sample(50, 22_400)
    expect(limit.limit).toBeGreaterThanOrEqual(5)
  })

  test('halves when the server drops connections, and soon finds back to what pays', () => {
    const limit = new ConnectionLimit({ max: 32, start: 16 })
    for (let drop = 0; drop < 3; drop += 1) limit.congested(1_000)
    expect(limit.limit).toBe(2)
    limit.sample(20, 1_400)
    expect(limit.limit).toBe(2)
    const later = Array.from({ length: 3 }, (_, at) => {
      limit.sample(limit.limit * 10, 9_100 + 400 * at)
      return limit.limit
    })
    expect(later).toEqual([4, 8, 16])
  })

  test('is quiet no longer for what one connection alone is refused meanwhile', () => {
    const limit = new ConnectionLimit({ max: 16, start: 4 })
    for (let drop = 0; drop < 6; drop += 1) limit.congested(drop * 500)
    expect([limit.limit, limit.isCalm(4_499), limit.isCalm(4_500)]).toEqual([1, true, false])
  })

  test('is quiet for longer each time the server drops connections again', () => {
    const limit = new ConnectionLimit({ max: 32, start: 32 })
    const calms: number[] = []
    let now = 0
    for (let drop = 0; drop < 6; drop += 1) {
      limit.congested(now)
      const droppedAt = now
      for (; limit.isCalm(now); now += 100);
      calms.push(now - droppedAt)
    }
    expect(calms).toEqual([2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
  })

  test('halves when the server asks for patience, and is quiet for half a minute', () => {
    const limit = new ConnectionLimit({ max: 32, start: 16 })
    limit.congested(1_000, true)
    expect(limit.limit).toBe(8)
    limit.sample(1_000, 20_000)
    expect(limit.limit).toBe(8)
    limit.sample(1_000, 31_500)
    expect(limit.limit).toBe(9)
  })

  test('stays between one and its bound whatever comes', () => {
    const event = fc.oneof(
      fc.record({ rate: fc.double({ min: 0, max: 1e6, noNaN: true }), waitMs: fc.nat(20_000) }),
      fc.constant('congested' as const),
    )
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), fc.array(event), (max, events) => {
        const limit = new ConnectionLimit({ max, start: 4 })
        let now = 0
        for (const next of events) {
          if (next !== 'congested') now += next.waitMs
          if (next === 'congested') limit.congested(now)
          else limit.sample(next.rate, now)
          expect(limit.limit).toBeGreaterThanOrEqual(1)
          expect(limit.limit).toBeLessThanOrEqual(max)
        }
      }),
    )
  })
})
