import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { DfhfError } from '../../src/base/errors.ts'
import { RateGate } from '../../src/http/rate-gate.ts'
import { thrownBy } from '../support/http/thrown-by.ts'

const hub = { host: 'hub', account: '' }
const cdn = { host: 'cdn', account: '' }

function gateAt(patienceMs = 180_000) {
  const clock = { now: 0 }
  return { clock, gate: new RateGate({ clock: () => clock.now, random: () => 0.5, patienceMs }) }
}

/** How long the gate keeps a request from going out at once, in ms; 0 when it may go. */
function pauseOf(gate: RateGate): number {
  try {
    gate.enterNow(hub)
    return 0
  } catch (error) {
    return error instanceof DfhfError ? (error.retryAfterMs ?? Number.NaN) : Number.NaN
  }
}

describe('a host that limits requests', () => {
  test('is asked after pauses that grow, by one request at a time', () => {
    const { clock, gate } = gateAt()
    const pauses: number[] = []
    for (let round = 0; round < 8; round += 1) {
      pauses.push(gate.refused(hub, undefined))
      expect(pauseOf(gate)).toBeGreaterThan(0)
      clock.now += pauses.at(-1) ?? 0
      expect(pauseOf(gate)).toBe(0)
      expect(pauseOf(gate)).toBeGreaterThan(0)
    }
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000])
  })

  test('counts those that were refused together once', () => {
    const { gate } = gateAt()
    const pauses = Array.from({ length: 16 }, () => gate.refused(hub, undefined))
    expect(new Set(pauses)).toEqual(new Set([1_000]))
  })

  test('is left alone for as long as it asks', async () => {
    const { clock, gate } = gateAt()
    expect(gate.refused(hub, 30_000)).toBe(30_000)
    clock.now = 29_999
    expect(pauseOf(gate)).toBe(1)
    clock.now = 30_000
    expect(pauseOf(gate)).toBe(0)
  })

  test('is open to all again once it has answered, and others were never shut', async () => {
    const { clock, gate } = gateAt()
    gate.refused(hub, undefined)
    gate.enterNow(cdn)
    clock.now = 1_000
    gate.enterNow(hub)
    gate.passed(hub)
    for (let each = 0; each < 3; each += 1) expect(pauseOf(gate)).toBe(0)
    expect(gate.refused(hub, undefined)).toBe(1_000)
  })

  test('is open to another account, which it counts by itself', () => {
    const { gate } = gateAt()
    gate.refused(hub, 300_000)
    gate.enterNow({ ...hub, account: 'ann' })
    expect(pauseOf(gate)).toBe(300_000)
  })

  test('is asked by another request when the one that went ahead got no answer', async () => {
    const { clock, gate } = gateAt()
    gate.refused(hub, undefined)
    clock.now = 1_000
    gate.enterNow(hub)
    expect(pauseOf(gate)).toBeGreaterThan(0)
    gate.failed(hub)
    expect(pauseOf(gate)).toBe(0)
  })

  test('is given up for all at once after the patience, in words that say how long that was', async () => {
    const { clock, gate } = gateAt()
    gate.refused(hub, undefined)
    const waiter = thrownBy(() => gate.enter(hub))
    clock.now = 181_000
    const error = await thrownBy(async () => gate.refused(hub, undefined))
    expect(error).toMatchObject({ code: 'rate-limited', retryable: false })
    expect(String(error)).toContain('let none through for 181 s')
    expect(await waiter).toBe(error)
    expect(await thrownBy(async () => gate.enterNow(hub))).toBe(error)
    clock.now += 10_000
    expect(pauseOf(gate)).toBe(0)
  })

  test('that asks for a long pause is not given up for keeping it', () => {
    const { clock, gate } = gateAt()
    gate.refused(hub, 300_000)
    clock.now = 300_000
    expect(gate.refused(hub, 300_000)).toBe(300_000)
    clock.now = 600_000
    expect(() => gate.refused(hub, 300_000)).toThrow('let none through for 600 s')
  })

  test('lets go of those that do not want to wait any more', async () => {
    const { gate } = gateAt()
    gate.refused(hub, 60_000)
    const stop = new AbortController()
    const waiter = thrownBy(() => gate.enter(hub, stop.signal))
    stop.abort(new Error('enough'))
    expect(String(await waiter)).toContain('enough')
  })
})

describe('a limit that a peer tells of', () => {
  const told = { host: 'hub', budget: '', hasAccount: false, forMs: 60_000 }

  /** Enters in the background, and says whether it has come through. */
  function entering(gate: RateGate, party = hub) {
    const state = { isIn: false }
    void gate.enter(party).then(() => {
      state.isIn = true
    })
    return state
  }

  const turn = () => Bun.sleep(0)

  test('holds requests for a moment, then one goes ahead, and all flow once it is answered', async () => {
    const { clock, gate } = gateAt()
    gate.toldOf(told)
    clock.now = 1_000
    const held = entering(gate)
    await turn()
    expect(held.isIn).toBe(false)
    clock.now = 1_250
    const first = entering(gate)
    const second = entering(gate)
    await turn()
    expect([first.isIn, second.isIn]).toEqual([true, false])
    gate.passed(hub)
    await turn()
    expect([held.isIn, second.isIn]).toEqual([true, true])
  })

  test('is this process’s own word once the host refuses, and only then told on', async () => {
    const { clock, gate } = gateAt()
    gate.toldOf(told)
    entering(gate)
    expect(gate.limits()).toEqual([])
    clock.now = 2_000
    entering(gate)
    await turn()
    expect(gate.refused(hub, 30_000)).toBe(30_000)
    expect(gate.limits()).toEqual([{ ...told, forMs: 30_000 }])
    expect(pauseOf(gate)).toBe(30_000)
  })

  test('counts for its host, its budget and requests like it alone', async () => {
    const { gate } = gateAt()
    gate.toldOf(told)
    const others = [cdn, { ...hub, account: 'ann' }, { ...hub, budget: 'api' }].map((party) =>
      entering(gate, party),
    )
    await turn()
    expect(others.map(({ isIn }) => isIn)).toEqual([true, true, true])
  })

  test('never stands in the way of a request that does not wait', () => {
    const { gate } = gateAt()
    gate.toldOf(told)
    entering(gate)
    expect(pauseOf(gate)).toBe(0)
  })

  test('holds back no longer than 3 s in a minute, whatever peers tell and though no request is answered', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            at: fc.integer({ min: 0, max: 59_000 }),
            forMs: fc.integer({ min: 1, max: 3_600_000 }),
          }),
        ),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        async (words, random) => {
          const clock = { now: 0 }
          const gate = new RateGate({ clock: () => clock.now, random: () => random })
          let heldMs = 0
          for (clock.now = 0; clock.now < 60_000; clock.now += 500) {
            for (const { at, forMs } of words)
              if (at >= clock.now && at < clock.now + 500) gate.toldOf({ ...told, forMs })
            // The first of each moment goes ahead and gets no answer; the second is what is looked at.
            const stop = new AbortController()
            await Promise.race([gate.enter(hub, stop.signal), Promise.resolve()]).catch(() => {})
            const isIn = await Promise.race([
              gate.enter(hub, stop.signal).then(() => true),
              new Promise<boolean>((done) => setImmediate(() => done(false))),
            ])
            if (!isIn) heldMs += 500
            stop.abort()
          }
          expect(heldMs).toBeLessThanOrEqual(3_500)
        },
      ),
      { numRuns: 30 },
    )
  })
})
