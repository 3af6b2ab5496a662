import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import fc from 'fast-check'
import type { Action } from '../../src/schedule/scheduler.ts'
import { type TinyOptions, type TinyPeer, TinyWorld } from './tiny-world.ts'

// A busy machine must not fail what only counts virtual time.
setDefaultTimeout(60_000)

const RUNS = { numRuns: 60 }

const anyWorld: fc.Arbitrary<TinyOptions> = fc
  .record({
    seed: fc.nat(),
    peers: fc.integer({ min: 1, max: 6 }),
    pieces: fc.integer({ min: 1, max: 24 }),
    slowest: fc.integer({ min: 10, max: 2_000 }),
    newsMs: fc.integer({ min: 0, max: 3_000 }),
    churnMs: fc.integer({ min: 0, max: 8_000 }),
    stayers: fc.integer({ min: 1, max: 6 }),
    faults: fc.double({ min: 0, max: 0.6, noNaN: true }),
  })
  .map(({ slowest, stayers, ...rest }) => ({
    ...rest,
    pieceMs: [10, slowest],
    leavers: Math.max(0, rest.peers - stayers),
  }))

const stableWorld: fc.Arbitrary<TinyOptions> = fc.record({
  seed: fc.nat(),
  peers: fc.integer({ min: 2, max: 8 }),
  pieces: fc.integer({ min: 1, max: 40 }),
  pieceMs: fc.integer({ min: 5, max: 1_900 }).map((ms) => [ms, ms] as const),
  newsMs: fc.constant(0),
  churnMs: fc.constant(0),
  leavers: fc.constant(0),
  faults: fc.constant(0),
})

describe('schedulers in a swarm', () => {
  test('bring every piece to every peer that stays, with events of any kind and in any order', () => {
    fc.assert(
      fc.property(anyWorld, (options) => {
        expect(new TinyWorld(options).run(600_000)).toBe(true)
      }),
      RUNS,
    )
  })

  test('fetch no piece twice at once but to overtake a range that is slow', () => {
    fc.assert(
      fc.property(anyWorld, (options) => {
        const world = new TinyWorld(options)
        world.onDecision = (peer, actions, before) => {
          for (const { type, lease } of actions) {
            if (type === 'fetch' && !isFreeOf(peer, actions, before, lease.start))
              expectOvertaking(peer, lease.start)
          }
        }
        world.run(600_000)
      }),
      RUNS,
    )
  })

  test('ask the Hub for each piece once while the members stay the same and news travel at once', () => {
    fc.assert(
      fc.property(stableWorld, (options) => {
        const world = new TinyWorld(options)
        expect(world.run(600_000)).toBe(true)
        expect(world.asked).toEqual(world.asked.map(() => 1))
      }),
      RUNS,
    )
  })

  test('decide the same when the same things happen', () => {
    fc.assert(
      fc.property(anyWorld, (options) => {
        const [one, other] = [new TinyWorld(options), new TinyWorld(options)]
        one.run(600_000)
        other.run(600_000)
        expect(one.asked).toEqual(other.asked)
        expect(one.queue.now).toBe(other.queue.now)
      }),
      { numRuns: 15 },
    )
  })
})

/** True when nothing fetched `piece` before the decision, or what did was cut by it. */
function isFreeOf(
  { board }: TinyPeer,
  actions: readonly Action[],
  before: readonly number[],
  piece: number,
): boolean {
  expect(board.have.has(piece)).toBe(false)
  const started = actions.filter(
    ({ type, lease }) => type === 'fetch' && lease.start <= piece && piece < lease.end,
  )
  return started.length === 1 && (before[piece] === 0 || board.inFlight(piece) === 1)
}

function expectOvertaking({ board }: TinyPeer, piece: number): void {
  const rivals = [...board.leases.values()].filter(({ at, end }) => at <= piece && piece < end)
  expect(rivals).toHaveLength(2)
  expect(new Set(rivals.map(({ source }) => source)).size).toBe(2)
  const [slow] = rivals
  expect((rivals[1]?.startedAt ?? 0) - (slow?.startedAt ?? 0)).toBeGreaterThanOrEqual(1_000)
}
