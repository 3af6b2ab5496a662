import { createHash } from 'node:crypto'
import { type Oid, parseOid } from '../../src/blob/oid.ts'
import type { PeerId, PeerInfo } from '../../src/swarm/protocol/peer-info.ts'

/** The nth of any number of different peer ids. */
export function peerId(n: number): PeerId {
  return createHash('sha256').update(`peer ${n}`).digest('hex').slice(0, 16) as PeerId
}

export function samplePeer(n: number, changes: Partial<PeerInfo> = {}): PeerInfo {
  return {
    id: peerId(n),
    name: `host-${n}`,
    addresses: [`10.0.${n >> 8}.${n & 255}`],
    port: 65002,
    version: '0.1.0',
    clusterFingerprint: undefined,
    role: 'download',
    fetchesForPeers: false,
    usesTls: false,
    ...changes,
  }
}

export function sampleOid(text = 'blob'): Oid {
  return parseOid(createHash('sha256').update(text).digest('hex'))
}

/** Evenly spread numbers from a seed, for tests that must repeat. */
export function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let hash = Math.imul(state ^ (state >>> 15), state | 1)
    hash ^= hash + Math.imul(hash ^ (hash >>> 7), hash | 61)
    return ((hash ^ (hash >>> 14)) >>> 0) / 2 ** 32
  }
}
