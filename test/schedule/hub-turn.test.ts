import { expect, test } from 'bun:test'
import { HubTurn } from '../../src/schedule/hub-turn.ts'
import {
  FEW_PEERS,
  LONGEST_HOLD_MS,
  MEASURED_TOGETHER_MS,
  MEASURED_WELL_MS,
} from '../../src/schedule/tuning.ts'

/** A turn at a Hub that gives 100 bytes a ms at first and 1,000 from `fullAt` on, looked at every 100 ms until `end`. */
function turnOf({ peers, fullAt, end }: { peers: number; fullAt: number; end: number }) {
  const turn = new HubTurn(0, true)
  let speed = turn.speed(0, peers)
  for (let now = 100; now <= end; now += 100) {
    const bytes = 100 * (now > fullAt ? 1_000 : 100)
    turn.count(bytes, now)
    turn.countWorking(bytes, 100)
    speed = turn.speed(now, peers) ?? speed
  }
  return { turn, speed }
}

test('among few peers the Hub is measured until its connections are open, and by what they bring then', () => {
  const end = 100 + MEASURED_WELL_MS
  const early = turnOf({ peers: FEW_PEERS, fullAt: 500, end: end - 100 })
  expect(early.speed).toBeUndefined()
  expect(early.turn.hasMeasured(end - 100, FEW_PEERS, 0)).toBe(false)
  const { turn, speed } = turnOf({ peers: FEW_PEERS, fullAt: 500, end })
  expect(speed?.rate).toBe(1_000)
  expect(turn.hasMeasured(end, FEW_PEERS, 1)).toBe(true)
  expect(turn.hasMeasured(end, FEW_PEERS, 1e9)).toBe(false)
})

test('among more it is measured quickly, and by all that came', () => {
  const end = 100 + MEASURED_TOGETHER_MS
  const { turn, speed } = turnOf({ peers: FEW_PEERS + 1, fullAt: 0, end })
  expect(speed).toEqual({ rate: (1_000 * end) / MEASURED_TOGETHER_MS, connection: 1_000 })
  expect(turn.hasMeasured(end, FEW_PEERS + 1, 1)).toBe(true)
})

test('nothing is known of a Hub that brought nothing', () => {
  const turn = new HubTurn(0, true)
  expect(turn.speed(10_000, 1)).toBeUndefined()
  expect(turn.hasMeasured(10_000, 1, 0)).toBe(false)
})

test('time in which the Hub was left alone does not count, up to a bound', () => {
  const turn = new HubTurn(1_000, false)
  turn.hold(500)
  expect(turn.lastedMs(3_000)).toBe(1_500)
  turn.hold(60_000)
  expect(turn.lastedMs(9_000)).toBe(8_000 - LONGEST_HOLD_MS)
})
