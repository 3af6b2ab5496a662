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
  expect(experience.isWary(0)).toBe(false)
  experience.ended({ now: 1_000, size: 1_000, fromHub: 1_000, fromPeers: 0, hasDoubted: true })
  expect(experience.isWary(60_999)).toBe(true)
  expect(experience.isWary(61_000)).toBe(false)
})

test('peers that bring something are trusted again, those that were not waited for change nothing', () => {
  const experience = new PeerExperience()
  experience.ended({ now: 0, size: 1_000, fromHub: 1_000, fromPeers: 0, hasDoubted: true })
  experience.ended({ now: 1, size: 1_000, fromHub: 1_000, fromPeers: 0, hasDoubted: false })
  expect(experience.isWary(2)).toBe(true)
  experience.ended({ now: 2, size: 1_000, fromHub: 899, fromPeers: 101, hasDoubted: true })
  expect(experience.isWary(3)).toBe(false)
})

test('bytes that the Hub had to send all the same are not to the credit of peers', () => {
  const experience = new PeerExperience()
  experience.ended({ now: 0, size: 1_000, fromHub: 1_000, fromPeers: 999, hasDoubted: false })
  expect(experience.isWary(1)).toBe(true)
  experience.ended({ now: 2, size: 1_000, fromHub: 500, fromPeers: 600, hasDoubted: false })
  expect(experience.isWary(3)).toBe(false)
})

test('who is wary turns to the Hub some seconds sooner', () => {
  expect(timeOf({ ...world, isWary: true })).toBeLessThan(timeOf(world) - 2_500)
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
