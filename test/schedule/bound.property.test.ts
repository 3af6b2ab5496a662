import { expect, setDefaultTimeout, test } from 'bun:test'
import fc from 'fast-check'
import { type HostileOptions, HostileWorld, habits } from './hostile-world.ts'

// A busy machine must not fail what only counts virtual time.
setDefaultTimeout(120_000)

const anyWorld: fc.Arbitrary<HostileOptions> = fc.record({
  seed: fc.nat(),
  pieces: fc.integer({ min: 2, max: 120 }),
  connectionRate: fc.constantFrom(200, 1_000, 5_000, 20_000),
  hubRate: fc.constantFrom(500, 2_500, 12_500, 100_000),
  hubDelayMs: fc.integer({ min: 20, max: 300 }),
  slowRate: fc.integer({ min: 1, max: 3_000 }),
  peers: fc.array(fc.constantFrom(...habits), { minLength: 1, maxLength: 40 }),
  renames: fc.boolean(),
  hubDrips: fc.record({ count: fc.integer({ min: 0, max: 1 }), after: fc.integer({ min: 0, max: 300_000 }) }),
  wariness: fc.integer({ min: 0, max: 4 }),
})

/** The promise: twice the time alone, and ten seconds. */
function expectWithinBound(options: HostileOptions): void {
  const alone = new HostileWorld({ ...options, peers: [] }).run(3_600_000)
  if (alone === undefined) throw new Error('the download alone does not end')
  expect(new HostileWorld(options).run(2 * alone + 10_000)).toBeDefined()
}

test('whatever peers say, hold back or send, a download ends within twice its time alone and ten seconds', () => {
  fc.assert(fc.property(anyWorld, expectWithinBound), { numRuns: 400 })
})

for (const habit of habits) {
  for (const count of [1, 16]) {
    test(`a download ends within the bound among ${count} peers of the kind '${habit}'`, () => {
      const worlds = anyWorld.map((options) => ({
        ...options,
        peers: Array.from({ length: count }, () => habit),
      }))
      fc.assert(fc.property(worlds, expectWithinBound), { numRuns: 25 })
    })
  }
}

test('one broken connection while the Hub is measured makes no slow peer look good', () => {
  const world: HostileOptions = {
    ...{ seed: 0, connectionRate: 5_000, hubRate: 2_500, hubDelayMs: 281, wariness: 0 },
    ...{ peers: ['slow'], renames: false, hubDrips: { count: 1, after: 0 }, pieces: 72, slowRate: 334 },
  }
  for (const pieces of [72, 120])
    for (const slowRate of [310, 334, 360]) expectWithinBound({ ...world, pieces, slowRate })
})
