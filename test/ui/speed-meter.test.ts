import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { SpeedMeter } from '../../src/ui/speed-meter.ts'
import { Clock } from './sample-events.ts'

describe('the speed', () => {
  test('is that of the time since the start while it is young', () => {
    const clock = new Clock()
    const meter = new SpeedMeter(clock.now)
    clock.ms = 1000
    meter.add(5000)
    expect(meter.rate()).toBe(5000)
  })

  test('stays level under a steady flow', () => {
    const clock = new Clock()
    const meter = new SpeedMeter(clock.now)
    for (clock.ms = 100; clock.ms <= 20_000; clock.ms += 100) {
      meter.add(1000)
      if (clock.ms > 6000) expect(Math.abs(meter.rate() - 10_000)).toBeLessThanOrEqual(500)
    }
  })

  test('falls to zero within the window once nothing comes', () => {
    const clock = new Clock()
    const meter = new SpeedMeter(clock.now)
    clock.ms = 500
    meter.add(1e9)
    clock.ms = 5800
    expect(meter.rate()).toBe(0)
    clock.ms = 1e9
    expect(meter.rate()).toBe(0)
  })

  test('is nothing in the first instant, however much came', () => {
    const meter = new SpeedMeter(new Clock().now)
    meter.add(1e9)
    expect(meter.rate()).toBe(0)
  })

  test('never goes below zero when bytes are given up', () => {
    const clock = new Clock()
    const meter = new SpeedMeter(clock.now)
    clock.ms = 1000
    meter.add(-500)
    expect(meter.rate()).toBe(0)
  })

  test('counts just the bytes of the window, whatever the steps of time', () => {
    const steps = fc.array(fc.record({ wait: fc.nat(9000), count: fc.nat(1000) }), { maxLength: 50 })
    fc.assert(
      fc.property(steps, (given) => {
        const clock = new Clock()
        const meter = new SpeedMeter(clock.now)
        const seen: { at: number; count: number }[] = []
        for (const { wait, count } of given) {
          clock.ms += wait
          meter.add(count)
          seen.push({ at: Math.floor(clock.ms / 250), count })
        }
        const from = Math.floor(clock.ms / 250) - 20
        const sum = seen.filter(({ at }) => at > from).reduce((total, { count }) => total + count, 0)
        const elapsed = Math.min(clock.ms, 5000)
        const expected = elapsed < 125 ? 0 : (sum * 1000) / elapsed
        return Math.abs(meter.rate() - expected) < 1e-6
      }),
    )
  })
})
