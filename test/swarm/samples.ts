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
