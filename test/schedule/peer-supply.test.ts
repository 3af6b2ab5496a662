import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { PeerSupply } from '../../src/schedule/peer-supply.ts'
import { MIN_USEFUL_RATE, SUPPLY_WINDOW_MS, TICK_MS } from '../../src/schedule/tuning.ts'

const QUICK_HUB = 100 * MIN_USEFUL_RATE

/** What peers deliver at `rate` bytes per ms for so long, while they are asked or not. */
function deliver(
  supply: PeerSupply,
  {
    rate,
    from = 0,
    until,
    isActive = true,
  }: { rate: number; from?: number; until: number; isActive?: boolean },
): void {
  for (let now = from; now <= until; now += TICK_MS) {
    if (now > from) supply.count(rate * TICK_MS)
    supply.observe(now, isActive)
  }
}

test('peers are not slow before they were measured', () => {
  const supply = new PeerSupply()
  deliver(supply, { rate: 0, until: SUPPLY_WINDOW_MS - TICK_MS })
  expect(supply.isSlow(QUICK_HUB)).toBe(false)
  deliver(supply, { rate: 0, from: SUPPLY_WINDOW_MS - TICK_MS, until: SUPPLY_WINDOW_MS })
  expect(supply.isSlow(QUICK_HUB)).toBe(true)
})

test('peers that are not asked for anything are not judged by it', () => {
  const supply = new PeerSupply()
  deliver(supply, { rate: 0, until: 10 * SUPPLY_WINDOW_MS, isActive: false })
  expect(supply.isSlow(QUICK_HUB)).toBe(false)
})

test('peers are slow under a floor, and under half of what the Hub gives', () => {
  const anyRate = fc.integer({ min: 0, max: 5 * MIN_USEFUL_RATE })
  fc.assert(
    fc.property(anyRate, anyRate, (rate, hubRate) => {
      const supply = new PeerSupply()
      deliver(supply, { rate, until: 2 * SUPPLY_WINDOW_MS })
      expect(supply.isSlow(hubRate)).toBe(rate < MIN_USEFUL_RATE && rate < hubRate / 2)
    }),
  )
})

test('peers that were slow are quick again a window later', () => {
  const supply = new PeerSupply()
  deliver(supply, { rate: 1, until: 2 * SUPPLY_WINDOW_MS })
  expect(supply.isSlow(QUICK_HUB)).toBe(true)
  deliver(supply, { rate: 2 * MIN_USEFUL_RATE, from: 2 * SUPPLY_WINDOW_MS, until: 4 * SUPPLY_WINDOW_MS })
  expect(supply.isSlow(QUICK_HUB)).toBe(false)
})
