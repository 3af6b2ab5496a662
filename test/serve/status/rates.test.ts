import { expect, test } from 'bun:test'
import { Rates } from '../../../src/serve/status/rates.ts'

test('a rate is the growth since the last look; the first look has none', () => {
  let now = 1_000
  const rates = new Rates(() => now)
  rates.begin()
  expect(rates.of('a', 500)).toBe(0)
  now += 2_000
  rates.begin()
  expect([rates.of('a', 2_500), rates.of('b', 10)]).toEqual([1_000, 0])
  now += 1_000
  rates.begin()
  expect([rates.of('a', 2_500), rates.of('b', 30)]).toEqual([0, 20])
})

test('after a long time without a look there is none, and what was not looked at is forgotten', () => {
  let now = 1_000
  const rates = new Rates(() => now)
  rates.begin()
  rates.of('a', 1)
  now += 60_000
  rates.begin()
  expect(rates.of('a', 1_000_000)).toBe(0)
  now += 1_000
  rates.begin()
  now += 1_000
  rates.begin()
  expect(rates.of('a', 2_000_000)).toBe(0)
})
