import { describe, expect, test } from 'bun:test'
import { DfhfError } from '../../src/base/errors.ts'
import { HubBudget } from '../../src/transfer/hub/hub-budget.ts'
import { HubGate } from '../../src/transfer/hub/hub-gate.ts'
import { TransferCounters } from '../../src/transfer/transfer-counters.ts'
import type { TransferEvent } from '../../src/transfer/transfer-event.ts'
import { MemorySource } from './memory-source.ts'

/** A budget that remembers how it was told of congestion. */
class ToldBudget extends HubBudget {
  readonly congestions: boolean[] = []
  override congested(isToldToWait: boolean): void {
    this.congestions.push(isToldToWait)
    super.congested(isToldToWait)
  }
}

/** The gate of one transfer, on a clock that the test moves. */
function stand(options: { readonly hub?: MemorySource | undefined; readonly max?: number } = {}) {
  const { hub = new MemorySource(new Uint8Array(1)), max = 4 } = options
  const time = { now: 0 }
  const clock = () => time.now
  const events: TransferEvent[] = []
  const budget = new ToldBudget({ max, start: max, clock })
  const seat = budget.join({ wake: () => {}, yieldOne: () => {} })
  const counters = new TransferCounters(1, (event) => events.push(event))
  const parts = { budget, seat, counters, clock, random: () => 1 }
  const gate = new HubGate('hub' in options ? { ...parts, hub: options.hub } : { ...parts, hub })
  return { gate, budget, seat, events, time }
}

const broken = new DfhfError('network', 'it broke', { retryable: true })
const limited = new DfhfError('rate-limited', 'too much', { retryable: true, retryAfterMs: 20_000 })

describe('the gate to the Hub', () => {
  test('is open for as many connections as its seat has', () => {
    const { gate, seat } = stand({ max: 4 })
    expect([gate.state, gate.slots]).toEqual(['open', 4])
    const release = seat.acquire()
    expect([gate.state, gate.slots]).toEqual(['open', 3])
    release()
    expect(gate.slots).toBe(4)
  })

  test('is full where only a free connection is missing', () => {
    const { gate, seat } = stand({ max: 1 })
    const release = seat.acquire()
    expect([gate.state, gate.slots]).toEqual(['full', 0])
    release()
    expect(gate.state).toBe('open')
  })

  test('leads nowhere where only peers may be asked', () => {
    const { gate } = stand({ hub: undefined })
    expect([gate.state, gate.slots, gate.isGone]).toEqual(['absent', 0, true])
    expect(gate.finalError).toBeUndefined()
  })

  test.each([
    ['resolved', () => Promise.resolve()],
    ['rejected', () => Promise.reject(new Error('no peer answers'))],
  ])('is held until what it waits for is %s', async (_, settle) => {
    const { gate } = stand()
    const opened = Promise.withResolvers<void>()
    const waitsFor = Promise.withResolvers<void>()
    gate.holdUntil(waitsFor.promise, opened.resolve)
    expect([gate.state, gate.slots]).toEqual(['held', 0])
    settle().then(waitsFor.resolve, waitsFor.reject)
    await opened.promise
    expect([gate.state, gate.slots]).toEqual(['open', 4])
  })
})

describe('after a failure', () => {
  test('the Hub is left alone for a while, with its reason in words', () => {
    const { gate, events, time } = stand()
    expect(gate.failed(broken)).toBe(false)
    const { pauseMs } = gate
    expect(pauseMs).toBeGreaterThan(0)
    expect([gate.state, gate.slots, gate.isGone]).toEqual(['paused', 0, false])
    expect(gate.pauseReason).toBe('it broke; next try in 1 s')
    expect(events).toEqual([{ type: 'retry', id: 1, source: 'hub', reason: 'it broke', delayMs: pauseMs }])
    time.now += pauseMs
    expect([gate.state, gate.pauseMs, gate.pauseReason]).toEqual(['open', 0, undefined])
  })

  test('a shorter pause does not end a longer one', () => {
    const { gate, time } = stand()
    gate.failed(limited)
    time.now += 1_000
    gate.failed(broken)
    expect(gate.pauseMs).toBe(19_000)
  })

  test('the budget hears of being told to wait, and of failures that go on', () => {
    const { gate, budget, time } = stand()
    gate.failed(broken)
    expect(budget.congestions).toEqual([])
    time.now += gate.pauseMs
    gate.failed(broken)
    gate.failed(limited)
    expect(budget.congestions).toEqual([false, true])
  })

  test('that no try can help the Hub is gone, and no try is promised', () => {
    const { gate, events } = stand()
    const error = new DfhfError('file-not-found', 'no such file')
    expect(gate.failed(error)).toBe(true)
    expect([gate.state, gate.slots, gate.isGone]).toEqual(['absent', 0, true])
    expect(gate.finalError).toBe(error)
    expect(events).toEqual([])
  })

  test('one after another the Hub is given up, but not while it brings the blob on', () => {
    const fails = (progresses: boolean) => {
      const { gate, time } = stand()
      let tries = 0
      for (; tries < 50 && !gate.isGone; tries += 1) {
        if (progresses) gate.progressed()
        gate.failed(broken)
        time.now += gate.pauseMs
      }
      return tries
    }
    expect(fails(false)).toBeLessThan(10)
    expect(fails(true)).toBe(50)
  })
})

test('a Hub that has ignored a range once gives none', () => {
  const { gate } = stand()
  expect(gate.givesRanges).toBe(true)
  gate.ignoredRange()
  expect(gate.givesRanges).toBe(false)
  expect(gate.state).toBe('open')
})
