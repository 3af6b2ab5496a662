import { expect, test } from 'bun:test'
import { PeerExperience } from '../../src/schedule/peer-experience.ts'
import { type HostileOptions, HostileWorld } from './hostile-world.ts'

const world: HostileOptions = {
  seed: 1,
  pieces: 8,
  connectionRate: 5_000,
  hubRate: 12_500,
  hubDelayMs: 40,
  slowRate: 1,
  peers: ['silent', 'busy'],
  renames: false,
}

function timeOf(options: HostileOptions): number {
  const ms = new HostileWorld(options).run(3_600_000)
  if (ms === undefined) throw new Error('no end')
  return ms
}

test('a transfer after one that waited in vain is wary for a minute', () => {
  const experience = new PeerExperience()
  expect(experience.wariness(0)).toBe(0)
  experience.ended({ now: 1_000, ms: 0, size: 1_000, fromHub: 1_000, fromPeers: 0, hasDoubted: true })
  expect(experience.wariness(60_999)).toBe(1)
  expect(experience.wariness(61_000)).toBe(0)
})

test('each further transfer that waits in vain makes the next one warier, but for those under way together', () => {
  const experience = new PeerExperience()
  const inVain = { size: 1_000, fromHub: 1_000, fromPeers: 0, hasDoubted: true }
  experience.ended({ ...inVain, now: 5_000, ms: 5_000 })
  experience.ended({ ...inVain, now: 5_100, ms: 5_000 })
  expect(experience.wariness(5_200)).toBe(1)
  experience.ended({ ...inVain, now: 6_500, ms: 1_300 })
  expect(experience.wariness(6_600)).toBe(2)
  expect(experience.wariness(66_500)).toBe(0)
  experience.ended({ ...inVain, now: 70_000, ms: 100 })
  expect(experience.wariness(70_001)).toBe(1)
})

test('the third transfer among useless peers takes hardly longer than alone', () => {
  const alone = timeOf({ ...world, peers: [] })
  const waits = [0, 1, 2, 3].map((wariness) => timeOf({ ...world, wariness }) - alone)
  expect(waits).toEqual(waits.toSorted((a, b) => b - a))
  expect(waits.at(-1)).toBeLessThan(700)
})

test('peers that bring something are trusted again, those that were not waited for change nothing', () => {
  const experience = new PeerExperience()
  experience.ended({ now: 0, ms: 0, size: 1_000, fromHub: 1_000, fromPeers: 0, hasDoubted: true })
  experience.ended({ now: 1, ms: 0, size: 1_000, fromHub: 1_000, fromPeers: 0, hasDoubted: false })
  expect(experience.wariness(2)).toBe(1)
  experience.ended({ now: 2, ms: 0, size: 1_000, fromHub: 899, fromPeers: 101, hasDoubted: true })
  expect(experience.wariness(3)).toBe(0)
})

test('bytes that the Hub had to send all the same are not to the credit of peers', () => {
  const experience = new PeerExperience()
  experience.ended({ now: 0, ms: 0, size: 1_000, fromHub: 1_000, fromPeers: 999, hasDoubted: false })
  expect(experience.wariness(1)).toBe(1)
  experience.ended({ now: 2, ms: 0, size: 1_000, fromHub: 500, fromPeers: 600, hasDoubted: false })
  expect(experience.wariness(3)).toBe(0)
})

test('who is wary turns to the Hub some seconds sooner', () => {
  expect(timeOf({ ...world, wariness: 1 })).toBeLessThan(timeOf(world) - 2_500)
})

test('bytes that a peer sends again and again are no reason to wait for it', () => {
  const crowd = Array.from({ length: 16 }, () => 'drip' as const)
  expect(timeOf({ ...world, pieces: 2, peers: crowd })).toBeLessThan(7_200)
  expect(timeOf({ ...world, peers: ['drip', 'drip'], renames: true })).toBeLessThan(7_200)
})

test('one broken connection to the Hub does not pass for its speed', () => {
  const hubDrips = { count: 1, after: 21_242 }
  const among = timeOf({ ...world, pieces: 17, peers: ['busy', 'busy'], hubDrips })
  expect(among).toBeLessThan(2 * timeOf({ ...world, pieces: 17, peers: [], hubDrips }) + 10_000)
})
