import { describe, expect, test } from 'bun:test'
import { LowWaterMark } from '../../src/http/connect/low-water-mark.ts'

const MUCH = 2 ** 30

/** Reads of `length` bytes every `everyMs`, for `ms`; gives the last mark. */
function read(mark: LowWaterMark, { length = 0, everyMs = 1, ms = 0, from = 0, left = MUCH }): number {
  let last = 1
  for (let now = from + everyMs; now <= from + ms; now += everyMs) last = mark.after(length, left, now)
  return last
}

describe('the bytes to be woken for', () => {
  test('are one until the pace is known, then what comes in some hundredths of a second', () => {
    const mark = new LowWaterMark()
    mark.begin(0)
    expect(read(mark, { length: 6_000, everyMs: 4, ms: 40 })).toBe(1)
    const wanted = read(mark, { length: 6_000, everyMs: 4, ms: 200, from: 40 })
    expect(wanted).toBe(2 ** 16)
    expect(wanted / 1_500).toBeLessThan(50)
  })

  test('are one on a connection that is slow', () => {
    const mark = new LowWaterMark()
    mark.begin(0)
    expect(read(mark, { length: 1_448, everyMs: 10, ms: 1_000 })).toBe(1)
  })

  test('are one where reads are large already', () => {
    const mark = new LowWaterMark()
    mark.begin(0)
    expect(read(mark, { length: 400_000, everyMs: 1, ms: 500 })).toBe(1)
  })

  test('are bounded on a fast link with small reads', () => {
    const mark = new LowWaterMark()
    mark.begin(0)
    expect(read(mark, { length: 32_000, everyMs: 0.25, ms: 500 })).toBe(2 ** 18)
  })

  test('are never more than what is left, and one at the very end', () => {
    const mark = new LowWaterMark()
    mark.begin(0)
    expect(read(mark, { length: 12_500, ms: 200 })).toBe(2 ** 18)
    for (let left = 2 ** 19; left > 0; left -= 1_000) {
      const wanted = mark.after(1_000, left, 201)
      expect(wanted === 1 || wanted < left).toBe(true)
    }
    expect(mark.after(1_000, 20_000, 201)).toBe(1)
  })

  test('hold for the next body of the connection, and are one again after a silence', () => {
    const mark = new LowWaterMark()
    mark.begin(0)
    read(mark, { length: 6_000, everyMs: 4, ms: 200 })
    expect(mark.after(6_000, 0, 204)).toBe(1)
    mark.begin(300)
    expect(mark.after(6_000, MUCH, 301)).toBe(2 ** 16)
    mark.relax(600)
    expect(mark.after(6_000, MUCH, 601)).toBe(1)
  })

  test('are more where bytes may wait longer, and fewer count where that is said', () => {
    const mark = new LowWaterMark({ gatherMs: 200, least: 2 ** 12 })
    mark.begin(0)
    expect(read(mark, { length: 6_000, everyMs: 4, ms: 200 })).toBe(2 ** 18)
    const slow = new LowWaterMark({ gatherMs: 200, least: 2 ** 12 })
    slow.begin(0)
    expect(read(slow, { length: 1_448, everyMs: 10, ms: 1_000 })).toBe(2 ** 14)
  })

  test('are all that is left where a body may be waited for to its end', () => {
    const mark = new LowWaterMark({ tail: 0 })
    mark.begin(0)
    read(mark, { length: 12_500, ms: 200 })
    expect(mark.after(1_000, 20_000, 201)).toBe(20_000)
    expect(mark.after(20_000, 0, 202)).toBe(1)
  })
})
