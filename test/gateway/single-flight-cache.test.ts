import { describe, expect, test } from 'bun:test'
import { SingleFlightCache } from '../../src/gateway/single-flight-cache.ts'

describe('a short memory', () => {
  test('shares a question under way, keeps its answer for a while, and forgets failures', async () => {
    let now = 0
    let asked = 0
    const memory = new SingleFlightCache<number>({ size: 2, now: () => now })
    const ask = () =>
      memory.get(
        'k',
        async () => {
          asked += 1
          if (asked === 3) throw new Error('no')
          return asked
        },
        () => 10,
      )
    expect(await Promise.all([ask(), ask()])).toEqual([1, 1])
    now = 9
    expect(await ask()).toBe(1)
    now = 10
    expect(await ask()).toBe(2)
    now = 20
    await expect(Promise.all([ask(), ask()])).rejects.toThrow('no')
    expect(await ask()).toBe(4)
  })
})
