import { expect, test } from 'bun:test'
import { FairLimiter } from '../../src/peer/fair-limiter.ts'

const kept = new AbortController().signal
const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A limiter of 1 byte a millisecond whose time goes on by hand. */
function setUp() {
  let now = 0
  const limiter = new FairLimiter(1_000, () => now)
  const passed: string[] = []
  const ask = (party: string, bytes = 1_000, signal = kept) =>
    void limiter.take(bytes, party, signal).then(
      () => passed.push(party),
      () => passed.push(`${party} gave up`),
    )
  const goOn = async (ms: number) => {
    now += ms
    limiter.pump()
    await settled()
  }
  return { passed, ask, goOn }
}

test('bytes pass at the rate', async () => {
  const { passed, ask, goOn } = setUp()
  for (let i = 0; i < 4; i += 1) ask('a')
  await goOn(500)
  expect(passed).toHaveLength(0)
  await goOn(500)
  expect(passed).toHaveLength(1)
  await goOn(1_000)
  expect(passed).toHaveLength(2)
})

test('a party with many requests gets no more than one with a single one', async () => {
  const { passed, ask, goOn } = setUp()
  for (let i = 0; i < 20; i += 1) ask('greedy')
  for (let i = 0; i < 5; i += 1) ask('modest')
  for (let i = 0; i < 10; i += 1) await goOn(1_000)
  const modest = passed.filter((party) => party === 'modest').length
  expect([modest, passed.length]).toEqual([5, 10])
})

test('shares are of bytes, not of requests', async () => {
  const { passed, ask, goOn } = setUp()
  for (let i = 0; i < 40; i += 1) ask('large', 4_000)
  for (let i = 0; i < 40; i += 1) ask('small', 1_000)
  for (let i = 0; i < 40; i += 1) await goOn(1_000)
  const bytes = (party: string, each: number) => passed.filter((one) => one === party).length * each
  expect(Math.abs(bytes('large', 4_000) - bytes('small', 1_000))).toBeLessThanOrEqual(4_000)
})

test('a party that was away has saved nothing', async () => {
  const { passed, ask, goOn } = setUp()
  ask('late')
  await goOn(0)
  for (let i = 0; i < 20; i += 1) ask('busy')
  for (let i = 0; i < 10; i += 1) await goOn(1_000)
  const before = passed.length
  for (let i = 0; i < 10; i += 1) ask('late')
  for (let i = 0; i < 6; i += 1) await goOn(1_000)
  expect(passed.slice(before).filter((party) => party === 'late')).toHaveLength(3)
})

test('who gives up takes no turn', async () => {
  const { passed, ask, goOn } = setUp()
  const stop = new AbortController()
  ask('a')
  ask('b', 1_000, stop.signal)
  ask('c')
  await settled()
  stop.abort()
  await goOn(1_000)
  await goOn(1_000)
  expect(passed).toEqual(['b gave up', 'a', 'c'])
})
