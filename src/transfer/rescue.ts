import { quickestPeer } from './choose-from-peers.ts'
import { hasStalled, type OwnershipRing, patienceMs } from './ownership-ring.ts'
import { HUB, type Lease, type PeerView, type PieceBoard } from './piece-board.ts'

/** A range whose peer sends nothing for this long gets a rival; one from the Hub has `stallMs` before it is cut. */
const HEDGE_AFTER_MS = 1_000
/** A range that needs this many times what another source would need is worth a rival. */
const SLOWER_BY = 3

/** A second request for the piece that a slow lease is fetching. */
export interface Hedge {
  readonly slow: Lease
  readonly peer: PeerView
}

/** Leases that have received nothing for `stallMs`: cut them and ask again. */
export function stalledLeases(board: PieceBoard, now: number, stallMs: number): Lease[] {
  return [...board.leases.values()].filter((lease) => now - lease.movedAt > stallMs)
}

/**
 * Leases on pieces that arrive twice and should arrive once: mine from the Hub while a peer that ranks higher
 * fetches the same piece, or that a peer has meanwhile, unless most of it is here already.
 */
export function needlessLeases(
  board: PieceBoard,
  ring: OwnershipRing,
  now: number,
  patience: number,
): Lease[] {
  const needless: Lease[] = []
  for (const lease of board.leases.values()) {
    if (lease.source !== HUB || lease.bytes > board.pieceSize / 2 || board.inFlight(lease.at) > 1) continue
    if (lease.end - lease.at > 1) continue
    const rivals = [...board.peers.values()].filter(
      (peer) => peer.fetching.has(lease.at) && !hasStalled(peer, { now, patience: patienceMs(patience) }),
    )
    const first = ring.firstInRank(lease.at, [board.self, ...rivals.map((peer) => peer.id)])
    if (first !== board.self) needless.push(lease)
  }
  return needless
}

/** The slow lease that most deserves a rival now, and the peer to ask; undefined when nothing is gained by one. */
export function chooseHedge(board: PieceBoard, now: number): Hedge | undefined {
  for (const lease of board.leases.values()) {
    if (board.inFlight(lease.at) > 1 || board.availability(lease.at) === 0) continue
    const peer = quickestPeer(board, lease.at, now, new Set([lease.source]))
    if (peer && isSlow(board, lease, peer, now)) return { slow: lease, peer }
  }
  return undefined
}

function isSlow(board: PieceBoard, lease: Lease, peer: PeerView, now: number): boolean {
  if (now - lease.movedAt > HEDGE_AFTER_MS) return true
  const age = now - lease.startedAt
  const landed = (lease.at - lease.start) * board.pieceSize + lease.bytes
  if (age < HEDGE_AFTER_MS || peer.rate === 0) return false
  const left = board.pieceSize - lease.bytes
  return left / Math.max(landed / age, 1e-6) > (SLOWER_BY * board.pieceSize) / peer.rate
}
