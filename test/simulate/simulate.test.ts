import { describe, expect, test } from 'bun:test'
import { loadDecisionCode } from '../../scripts/simulate/decision-code.ts'
import { plot } from '../../scripts/simulate/plot.ts'
import { physicalBound, type RunOptions, type RunResult, simulate } from '../../scripts/simulate/run.ts'
import { scenarios } from '../../scripts/simulate/scenario.ts'

const { code } = await loadDecisionCode('current')
const MBIT_PER_S = 125
const MiB = 2 ** 20

function run(options: Partial<RunOptions> = {}): RunResult {
  return simulate({
    rule: 'current',
    code,
    scenario: 'together',
    peers: 8,
    seed: 1,
    size: 100 * MiB,
    hubRate: 100 * MBIT_PER_S,
    linkRate: 200 * MBIT_PER_S,
    ...options,
  })
}

/** What a result must not depend on. */
function withoutCpu(result: RunResult): Partial<RunResult> {
  return { ...result, cpuMs: 0 }
}

describe('the simulator', () => {
  test('knows what no swarm can beat', () => {
    const rates = { hubRate: 10, linkRate: 20 }
    expect(physicalBound({ peers: 1, size: 100, ...rates })).toBe(10)
    expect(physicalBound({ peers: 1, size: 100, hubRate: 100, linkRate: 20 })).toBe(5)
    expect(physicalBound({ peers: 4, size: 100, hubRate: 20, linkRate: 20 })).toBe(5)
  })

  test('never beats it', () => {
    for (const peers of [1, 2, 8, 20])
      for (const hub of [50, 400]) {
        const { timeRatio, hubRatio } = run({ peers, hubRate: hub * MBIT_PER_S })
        expect(timeRatio).toBeGreaterThan(1)
        expect(hubRatio).toBeGreaterThanOrEqual(1)
      }
  })

  test('gives the same for the same seed and something else for another', () => {
    expect(withoutCpu(run())).toEqual(withoutCpu(run()))
    expect(run().last).not.toBe(run({ seed: 2 }).last)
  })

  for (const scenario of Object.keys(scenarios)) {
    test(`lets every peer finish when ${scenarios[scenario]?.about}`, () => {
      const { unfinished, hubRatio, timeRatio } = run({ scenario, peers: 12 })
      expect(unfinished).toBe(0)
      // Far above what is reached, so that only a rule that has gone wrong fails here.
      expect(hubRatio).toBeLessThan(1.15)
      expect(timeRatio).toBeLessThan(1.5)
    })
  }

  test.each([5, 7, 10])('keeps peers from a run on a thin uplink that they all share (seed %i)', (seed) => {
    const thin = { hubRate: 20 * MBIT_PER_S, linkRate: 40 * MBIT_PER_S, size: 50 * MiB }
    const { hubRatio, timeRatio } = run({ peers: 24, seed, ...thin })
    // Where a few of them asked for everything, each by all its connections, it was 1.8 to 2.4 and 2.0 to 2.6.
    expect(hubRatio).toBeLessThan(1.1)
    expect(timeRatio).toBeLessThan(1.4)
  })

  test('lets every peer finish though few may listen to one host', () => {
    expect(run({ peers: 20, watchers: 4 }).unfinished).toBe(0)
  })

  test('draws its results', () => {
    const svg = plot([run({ peers: 2 }), run({ peers: 8 })])
    expect(svg).toStartWith('<svg ')
    expect(svg.match(/<polyline /g)).toHaveLength(4)
    expect(svg).not.toContain('NaN')
  })
})
