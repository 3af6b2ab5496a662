import { describe, expect, test } from 'bun:test'
import { HubBudget } from '../../src/transfer/hub/hub-budget.ts'

/** Transfers that share so many connections, the first of which takes all that it may have. */
function crowd(options: { readonly max: number; readonly start?: number }) {
  const budget = new HubBudget({ clock: () => 0, ...options })
  const held: (() => void)[] = []
  let asked = 0
  const big = budget.join({ wake: () => {}, yieldOne: () => (asked += 1) })
  while (big.free > 0) held.push(big.acquire())
  return { budget, big, held, asked: () => asked }
}

const quiet = { wake: () => {}, yieldOne: () => {} }

describe('connections to the Hub', () => {
  test('are all for a transfer that is alone', () => {
    expect(crowd({ max: 16, start: 16 }).big.held).toBe(16)
  })

  test('go beyond what pays off for a transfer that has none', () => {
    const { budget, big } = crowd({ max: 16, start: 4 })
    expect(big.held).toBe(4)
    const small = budget.join(quiet)
    expect([small.free, big.free]).toEqual([1, 0])
    small.acquire()
    expect(small.free).toBe(0)
    expect(budget.join(quiet).free).toBe(1)
  })

  test('never go beyond what the user allows, nor beyond what the Hub has just asked for', () => {
    const { budget } = crowd({ max: 4, start: 4 })
    expect(budget.join(quiet).free).toBe(0)
    const calm = crowd({ max: 16, start: 4 }).budget
    calm.congested(false)
    expect(calm.join(quiet).free).toBe(0)
  })

  test('are no fewer after the only one was refused, unless the Hub said so', () => {
    for (const [isToldToWait, left] of [
      [false, 4],
      [true, 2],
    ] as const) {
      const budget = new HubBudget({ max: 16, start: 4 })
      budget.acquire()()
      budget.congested(isToldToWait)
      expect(budget.free()).toBe(left)
    }
  })

  test('are given back by the one with most, one at a time, for one that stands still', () => {
    const { budget, big, held, asked } = crowd({ max: 4, start: 4 })
    const small = budget.join(quiet)
    small.starve()
    small.starve()
    expect(asked()).toBe(1)
    held.pop()?.()
    expect([big.free, small.free]).toEqual([0, 1])
    small.acquire()
    budget.join(quiet).starve()
    expect(asked()).toBe(2)
  })

  test('are not asked for of those that have only one', () => {
    const { budget, asked } = crowd({ max: 1, start: 1 })
    budget.join(quiet).starve()
    expect(asked()).toBe(0)
  })

  test('leave the last one to newcomers while there are several transfers', () => {
    const { budget, big, held } = crowd({ max: 4, start: 4 })
    const small = budget.join(quiet)
    held.pop()?.()
    const release = small.acquire()
    release()
    expect([big.held, big.free, small.free]).toEqual([3, 0, 1])
    small.leave()
    expect(big.free).toBe(1)
  })

  test('wake first those that have none', () => {
    const woken: string[] = []
    const budget = new HubBudget({ max: 4, start: 4, clock: () => 0 })
    const join = (name: string) => budget.join({ wake: () => woken.push(name), yieldOne: () => {} })
    const first = join('first')
    join('second')
    const release = first.acquire()
    first.acquire()
    release()
    expect(woken).toEqual(['second', 'first'])
  })
})
