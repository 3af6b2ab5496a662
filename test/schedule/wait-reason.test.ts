import { expect, test } from 'bun:test'
import { type Standstill, waitReason } from '../../src/schedule/wait-reason.ts'

const still: Standstill = {
  seconds: 7,
  phase: 'fetching',
  connections: 0,
  isHeldByLimit: false,
  pauseReason: undefined,
  hub: 'open',
  hasSwarm: false,
}

test.each<[Partial<Standstill>, string]>([
  [{}, 'waiting for the Hub for 7 s'],
  [{ hub: 'full' }, 'waiting for a free connection to the Hub for 7 s'],
  [{ hub: 'full', hasSwarm: true }, 'waiting for a free connection to the Hub for 7 s'],
  [{ hasSwarm: true }, 'waiting for peers for 7 s'],
  [{ hub: 'absent', hasSwarm: true }, 'waiting for peers for 7 s'],
  [{ hub: 'held', hasSwarm: true }, 'looking for peers for 7 s'],
  [{ connections: 3 }, 'no bytes for 7 s on 3 connections'],
  [{ connections: 3, isHeldByLimit: true }, 'held back by the rate limit for 7 s'],
  [{ pauseReason: 'the Hub limits requests; next try in 4 s' }, 'the Hub limits requests; next try in 4 s'],
  [{ phase: 'checking', hasSwarm: true }, 'checking what came for 7 s'],
])('%j is told as %s', (what, words) => {
  expect(waitReason({ ...still, ...what })).toBe(words)
})
