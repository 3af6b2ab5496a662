import { expect, test } from 'bun:test'
import { awaitFirstPeer } from '../../src/swarm/discovery/await-first-peer.ts'

const AN_HOUR = 3_600_000

function seek({ hasPeer = false, seekingMs = AN_HOUR } = {}) {
  const listeners = new Set<() => void>()
  const stop = new AbortController()
  const found = awaitFirstPeer({
    hasPeer: () => hasPeer,
    onJoin: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    signal: stop.signal,
    seekingMs,
  })
  return { found, listeners, stop }
}

test('the first peer ends the wait for it', async () => {
  const { found, listeners } = seek()
  for (const listener of listeners) listener()
  await found
  expect(listeners.size).toBe(0)
})

test('nothing is waited for where a peer is known, the time is over or the process ends', async () => {
  await seek({ hasPeer: true }).found
  await seek({ seekingMs: 0 }).found
  const { found, stop, listeners } = seek()
  stop.abort()
  await found
  expect(listeners.size).toBe(0)
})
