import { describe, expect, test } from 'bun:test'
import { DfhfError } from '../../src/base/errors.ts'
import { HubHealth } from '../../src/transfer/hub-health.ts'

const broken = new DfhfError('network', 'the connection broke', { retryable: true })
const limited = new DfhfError('rate-limited', 'too many', { retryable: true, retryAfterMs: 60_000 })

describe('the health of the Hub', () => {
  test('survives any number of connections that break together', () => {
    const health = new HubHealth()
    const verdicts = Array.from({ length: 16 }, () => health.failed(broken, 1_000, 1))
    expect(verdicts.some(({ isFinal }) => isFinal)).toBe(false)
    expect(new Set(verdicts.map(({ waitMs }) => waitMs))).toEqual(new Set([500]))
    expect(health.finalError).toBeUndefined()
  })

  test('ends with the seventh failure one after another, each after a longer pause', () => {
    const health = new HubHealth()
    const waits: number[] = []
    let now = 0
    for (;;) {
      const { isFinal, waitMs } = health.failed(broken, now, 1)
      if (isFinal) break
      waits.push(waitMs)
      now += waitMs
    }
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 8_000])
    expect(health.finalError).toBe(broken)
  })

  test('is good again with the first byte', () => {
    const health = new HubHealth()
    for (let now = 0; now < 1e6; now += 10_000) {
      expect(health.failed(broken, now, 1).isFinal).toBe(false)
      health.moved()
    }
  })

  test('does not suffer from being told to wait, however often', () => {
    const health = new HubHealth()
    for (let now = 0; now < 1e6; now += 60_000) {
      expect(health.failed(limited, now, 1)).toEqual({ isFinal: false, waitMs: 60_000, isCongestion: true })
    }
  })

  test('waits for the longest of several answers that came together', () => {
    const health = new HubHealth()
    expect(health.failed(broken, 0, 1).waitMs).toBe(500)
    expect(health.failed(limited, 100, 1).waitMs).toBe(60_000)
    expect(health.failed(broken, 1_000, 1).waitMs).toBe(59_100)
  })

  test('ends at once with what no repetition helps', () => {
    const health = new HubHealth()
    expect(health.failed(new DfhfError('gated', 'no'), 0, 1).isFinal).toBe(true)
  })
})
