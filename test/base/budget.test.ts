import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { Budget } from '../../src/base/budget.ts'

/** A budget and the clock that it goes by. */
function openBudget(options: {
  readonly perSecond: number
  readonly saved: number
  readonly maxSenders?: number
}) {
  const clock = { now: 0 }
  return { clock, budget: new Budget({ ...options, now: () => clock.now }) }
}

describe('a budget', () => {
  test('lets one sender have its share of what was saved, then its share of what comes back', () => {
    const { budget, clock } = openBudget({ perSecond: 4, saved: 40 })
    for (let index = 0; index < 10; index += 1) expect(budget.take('a', 1), `question ${index}`).toBe(0)
    expect(budget.take('a', 1)).toBeGreaterThan(0)
    clock.now += 1_000
    expect(budget.take('a', 1)).toBe(0)
    expect(budget.take('a', 1)).toBeGreaterThan(0)
  })

  test('says when to come back, and is right', () => {
    const { budget, clock } = openBudget({ perSecond: 4, saved: 40 })
    expect(budget.take('a', 30)).toBe(0)
    const waitMs = budget.take('a', 1)
    clock.now += 19_990
    expect(budget.take('a', 1)).toBeGreaterThan(0)
    clock.now += waitMs - 19_990
    expect(budget.take('a', 1)).toBe(0)
  })

  test('remembers a bounded number of senders, and forgets those that rested', () => {
    const { budget, clock } = openBudget({ perSecond: 1_000, saved: 100_000, maxSenders: 50 })
    for (let index = 0; index < 500; index += 1) budget.take(`sender ${index}`, 1)
    expect(budget.senderCount).toBe(50)
    clock.now += 3_600_000
    budget.take('one more', 1)
    expect(budget.senderCount).toBe(1)
  })

  test('is never overdrawn by more than one cost, in all and by one sender, whatever they ask', () => {
    const step = fc.record({
      sender: fc.integer({ min: 0, max: 9 }).map(String),
      cost: fc.integer({ min: 0, max: 20 }),
      waitMs: fc.integer({ min: 0, max: 3_000 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const { budget, clock } = openBudget({ perSecond: 10, saved: 100 })
        const used = new Map<string, number>()
        let total = 0
        for (const { sender, cost, waitMs } of steps) {
          clock.now += waitMs
          if (budget.take(sender, cost) > 0) continue
          total += cost
          used.set(sender, (used.get(sender) ?? 0) + cost)
          expect(total).toBeLessThanOrEqual(100 + clock.now / 100 + 20)
          expect(used.get(sender) ?? 0).toBeLessThanOrEqual(25 + clock.now / 400 + 20)
        }
      }),
    )
  })

  test.each([1, 3, 10, 100, 1_000])(
    'lets one who asks now and then in beside %p greedy senders',
    (greedy) => {
      const { budget, clock } = openBudget({ perSecond: 1_000, saved: 10_000 })
      for (let second = 0; second < 60; second += 1) {
        for (let tenth = 0; tenth < 10; tenth += 1) {
          clock.now += 100
          for (let sender = 0; sender < greedy; sender += 1)
            for (let times = 0; times < 1 + 300 / greedy; times += 1) budget.take(`greedy ${sender}`, 1)
        }
        if (second % 10 === 9) expect(budget.take('modest', 1), `second ${second}`).toBe(0)
      }
    },
  )
})
