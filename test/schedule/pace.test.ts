import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { type HubUse, Pace, type Sight } from '../../src/schedule/pace.ts'
import {
  CROWD,
  DOUBT_IN_A_CROWD_MS,
  DOUBT_MS,
  FEW_PEERS,
  FIRST_TURN_MS,
  LONGEST_HOLD_MS,
  LONGEST_TURN_MS,
  MOST_CREDIT_MS,
  PATIENCE_IN_A_CROWD_MS,
  PATIENCE_SHARE,
  RETRIAL_MS,
  SOME_MS,
  SPREAD_MS,
  SWARM_PATIENCE_MS,
  TICK_MS,
} from '../../src/schedule/tuning.ts'

const SIZE = 100 * 2 ** 20

/** What arrives in one tick, in bytes per ms; the Hub's on one connection. */
interface Supply {
  readonly hub?: number
  readonly peers?: number
}

/** A transfer that looks at its pace at each tick. */
class Watched {
  readonly pace: Pace
  now = 0
  readonly #sight: Omit<Sight, 'now' | 'hubConnections'>

  constructor({ place = 0, ...sight }: Partial<Sight> & { readonly place?: number } = {}) {
    this.pace = new Pace(place)
    this.#sight = { mostConnections: 1, peers: 1, size: SIZE, ...sight }
    this.#look(0)
  }

  /** Lets time pass with the same supply; how the Hub was used, tick after tick. */
  run(ms: number, { hub = 0, peers = 0 }: Supply = {}): HubUse[] {
    const uses: HubUse[] = []
    for (const until = this.now + ms; this.now < until; ) {
      this.now += TICK_MS
      if (hub > 0) this.pace.count('hub', hub * TICK_MS, this.now, TICK_MS)
      if (peers > 0) this.pace.count('peers', peers * TICK_MS, this.now)
      uses.push(this.#look(hub > 0 ? 1 : 0))
    }
    return uses
  }

  /** When the use first is `use`, or undefined where it is not so before `limitMs`. */
  until(use: HubUse, limitMs: number, supply: Supply = {}): number | undefined {
    while (this.now < limitMs) if (this.run(TICK_MS, supply).includes(use)) return this.now
    return undefined
  }

  #look(hubConnections: number): HubUse {
    this.pace.observe({ ...this.#sight, now: this.now, hubConnections })
    return this.pace.use
  }
}

/** The Hub was measured at 1,000 bytes per ms while peers brought as much as was owed. */
function measured(options: Partial<Sight> & { readonly place?: number } = {}): Watched {
  const watched = new Watched(options)
  watched.run(1_000, { hub: 1_000 })
  return watched
}

describe('a transfer', () => {
  test('without peers never asks how far they keep it from the Hub, whatever comes', () => {
    const ticks = fc.array(fc.record({ hub: fc.nat(50_000), peers: fc.nat(50_000) }), { maxLength: 100 })
    fc.assert(
      fc.property(ticks, (supplies) => {
        const watched = new Watched({ peers: 0 })
        for (const supply of supplies) expect(watched.run(TICK_MS, supply)).toEqual(['shared'])
      }),
    )
  })

  test('leaves the Hub to others as long as peers bring what the Hub would', () => {
    const rates = fc.array(fc.integer({ min: 1_000, max: 20_000 }), { minLength: 1, maxLength: 200 })
    fc.assert(
      fc.property(rates, fc.double({ min: 0, max: 0.99, noNaN: true }), (peers, place) => {
        const watched = measured({ place })
        for (const rate of peers) expect(watched.run(1_000, { peers: rate })).not.toContain('alone')
      }),
    )
  })

  test('asks for the speed of the Hub after some seconds without bytes, later in a crowd', () => {
    expect(new Watched({ peers: 0.001 * CROWD }).until('probe', 60_000)).toBe(
      DOUBT_MS + TICK_MS * Math.ceil((0.001 * DOUBT_IN_A_CROWD_MS) / TICK_MS),
    )
    expect(new Watched({ peers: CROWD }).until('probe', 60_000)).toBe(DOUBT_MS + DOUBT_IN_A_CROWD_MS)
    expect(new Watched({ peers: 100 * CROWD }).until('probe', 60_000)).toBe(DOUBT_MS + DOUBT_IN_A_CROWD_MS)
  })

  test('does not ask for it where peers are about to bring all', () => {
    expect(new Watched({ size: 8_000_000 }).until('probe', 8_000, { peers: 1_000 })).toBeUndefined()
    expect(new Watched({ size: 80_000_000 }).until('probe', 8_000, { peers: 1_000 })).toBeDefined()
  })
})

describe('the patience with peers that bring nothing', () => {
  /** For how long the Hub is left to others after it was measured. */
  function patienceOf(options: Partial<Sight> & { readonly place?: number }): number {
    const watched = measured(options)
    const before = watched.now
    return (watched.until('alone', 600_000) ?? expect.unreachable()) - before
  }

  test('grows with the crowd, with the place of each and with the time that the Hub would need for little', () => {
    const little = { size: 1_000_000 }
    const least = SWARM_PATIENCE_MS + PATIENCE_SHARE * 1_000
    expect(Math.abs(patienceOf(little) - least)).toBeLessThanOrEqual(2 * TICK_MS)
    const inACrowd = patienceOf({ ...little, peers: CROWD })
    expect(Math.abs(inACrowd - least - PATIENCE_IN_A_CROWD_MS)).toBeLessThanOrEqual(2 * TICK_MS)
    const last = patienceOf({ ...little, place: 0.99 })
    expect(Math.abs(last - least - SPREAD_MS)).toBeLessThanOrEqual(2 * TICK_MS)
  })

  test('is earned by a thin uplink only as far as it was measured', () => {
    const large = { size: 100_000_000 }
    // The Hub was at work for one second.
    expect(Math.abs(patienceOf(large) - SWARM_PATIENCE_MS - 1_000)).toBeLessThanOrEqual(2 * TICK_MS)
    const watched = measured(large)
    watched.run(60_000, { hub: 1_000 })
    const before = watched.now
    const waited = (watched.until('alone', 600_000) ?? expect.unreachable()) - before
    expect(Math.abs(waited - SWARM_PATIENCE_MS - PATIENCE_SHARE * 100_000)).toBeLessThanOrEqual(2 * TICK_MS)
  })

  test('is not longer by more than some seconds for peers that brought much before', () => {
    const little = { size: 1_000_000 }
    const watched = measured(little)
    watched.run(60_000, { peers: 50_000 })
    const stopped = watched.now
    const waited = (watched.until('alone', 600_000) ?? expect.unreachable()) - stopped
    expect(waited).toBeLessThanOrEqual(patienceOf(little) + MOST_CREDIT_MS + 2 * TICK_MS)
  })

  test('is lost sooner when what they brought turns out to be worth nothing', () => {
    const [honest, liar] = [measured(), measured()]
    for (const { pace } of [honest, liar]) pace.count('peers', 20_000_000, 1_000)
    liar.pace.lose('peers', 20_000_000)
    const [late, soon] = [honest.until('alone', 600_000), liar.until('alone', 600_000)]
    expect(late ?? 0).toBeGreaterThan(soon ?? Number.POSITIVE_INFINITY)
  })
})

describe('the turns at the Hub alone', () => {
  /** How long the Hub was used in one way each time, the first and the last time left out. */
  function lengthsOf(uses: readonly HubUse[], use: HubUse): number[] {
    const lengths: number[] = []
    for (const [at, each] of uses.entries()) {
      if (each !== use) continue
      if (uses[at - 1] === use) lengths.push((lengths.pop() ?? 0) + TICK_MS)
      else lengths.push(TICK_MS)
    }
    return lengths.slice(1, -1)
  }

  test('double while waiting goes on to bring nothing, up to a minute, and peers get a second in between', () => {
    const uses = measured({ size: 1_000_000 }).run(600_000)
    const [turns, between] = [lengthsOf(uses, 'alone'), lengthsOf(uses, 'shared')]
    expect(turns.length).toBeGreaterThan(6)
    for (const [at, length] of turns.entries()) {
      const planned = Math.min(LONGEST_TURN_MS, FIRST_TURN_MS * 2 ** (at + 1))
      expect(Math.abs(length - planned)).toBeLessThanOrEqual(2 * TICK_MS)
    }
    for (const length of between) expect(Math.abs(length - RETRIAL_MS)).toBeLessThanOrEqual(2 * TICK_MS)
  })

  test('last longer by a pause of a Hub that failed, where peers are few', () => {
    const lasts = (sight: Partial<Sight>) => {
      const watched = measured({ size: 1_000_000, ...sight })
      watched.until('alone', 60_000)
      return watched.run(60_000).indexOf('shared') * TICK_MS
    }
    const usual = lasts({ peers: FEW_PEERS })
    expect(lasts({ peers: FEW_PEERS, isHubPaused: true })).toBe(usual + LONGEST_HOLD_MS)
    const crowd = FEW_PEERS + 1
    expect(lasts({ peers: crowd, isHubPaused: true })).toBe(lasts({ peers: crowd }))
  })

  test('are only a trial at first while peers bring something, and none when they bring nothing', () => {
    const dripping = measured({ size: 1_000_000 })
    dripping.until('alone', 60_000, { peers: 50 })
    expect(dripping.pace.isTrial).toBe(true)
    const silent = measured({ size: 1_000_000 })
    silent.until('alone', 60_000)
    expect(silent.pace.isTrial).toBe(false)
    expect(SOME_MS).toBeLessThan(SWARM_PATIENCE_MS)
  })

  test('end the debt at the rate of the Hub: a transfer that is fed by it alone leaves it to others again', () => {
    const watched = measured({ size: 1_000_000 })
    watched.until('alone', 60_000)
    expect(watched.until('shared', watched.now + 2 * FIRST_TURN_MS, { hub: 1_000 })).toBeDefined()
  })
})
