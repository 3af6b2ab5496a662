import { quickestPeer } from './choose-from-peers.ts'
import { hasStalled, type OwnershipRing } from './ownership-ring.ts'
import type { PeerView } from './peer-view.ts'
import { HUB, type Lease, type PieceBoard } from './piece-board.ts'
import {
  BEGUN_SHARE,
  CROWD,
  HALF_DONE_SHARE,
  HEDGE_AFTER_MS,
  HEDGE_BYTES,
  LEAST_CHANCE_MS,
  SLOWER_BY,
  WORTH_WAITING_MS,
} from './tuning.ts'

/** A second request for the piece that a slow lease is fetching. */
export interface Hedge {
  readonly slow: Lease
  readonly peer: PeerView
}

/** Leases that have received next to nothing for `stallMs`: cut them and ask again. */
export function stalledLeases(board: PieceBoard, now: number, stallMs: number): Lease[] {
  return [...board.leases.values()].filter((lease) => !lease.isHeld && now - lease.movedAt > stallMs)
}

/** Leases on a piece that has landed by another lease. */
export function landedLeases(board: PieceBoard): Lease[] {
  return [...board.leases.values()].filter((lease) => lease.at < lease.end && board.have.has(lease.at))
}

/**
 * Leases from peers on the `most` pieces that the Hub would bring sooner, the oldest first; none while there are free
 * pieces to ask the Hub for. `hubMsPerPiece` is 0 while unknown.
 */
export function overtakenLeases(
  board: PieceBoard,
  {
    now,
    hubMsPerPiece,
    most,
  }: { readonly now: number; readonly hubMsPerPiece: number; readonly most: number },
): Lease[] {
  if (board.freeCount > 0) return []
  const leases = [...board.leases.values()].filter(({ source, at, end }) => source !== HUB && at < end)
  const pieces = new Set<number>()
  for (const lease of leases.toSorted((a, b) => a.pieceStartedAt - b.pieceStartedAt)) {
    const ageMs = now - lease.pieceStartedAt
    if (ageMs < LEAST_CHANCE_MS || pieces.size >= most) break
    const leftMs = (board.pieceSize - lease.bytes) / Math.max(lease.bytes / ageMs, 1e-6)
    if (now - lease.movedAt > LEAST_CHANCE_MS || leftMs > Math.max(hubMsPerPiece, WORTH_WAITING_MS))
      pieces.add(lease.at)
  }
  return leases.filter(({ at }) => pieces.has(at))
}

/**
 * Leases from the Hub that bring nothing new: a peer has the piece meanwhile, or one that ranks higher is fetching
 * it as well. One that is more than half done runs on, as to begin anew elsewhere would cost more.
 */
export function needlessLeases(
  board: PieceBoard,
  ring: OwnershipRing,
  situation: { readonly now: number; readonly patience: number; readonly peersAreSlow: boolean },
): Lease[] {
  const needless: Lease[] = []
  for (const lease of board.leases.values()) {
    if (lease.source !== HUB || lease.isFirm) continue
    if (lease.at >= lease.end || lease.bytes > HALF_DONE_SHARE * board.pieceSize) continue
    if (board.inFlight(lease.at) > 1) continue
    const isElsewhere = board.availability(lease.at) > 0 && !situation.peersAreSlow
    if (isElsewhere || isFetchedByBetter(board, ring, lease.at, situation)) needless.push(lease)
  }
  return needless
}

function isFetchedByBetter(
  board: PieceBoard,
  ring: OwnershipRing,
  piece: number,
  situation: { readonly now: number; readonly patience: number },
): boolean {
  if (board.claims(piece) === 0) return false
  const rivals = [board.self]
  for (const peer of board.peers.values())
    if (peer.fetching.has(piece) && !hasStalled(peer, situation)) rivals.push(peer.id)
  if (rivals.length === 1) return false
  // All hear a member of the ring; of another peer's request even the piece's owner may never hear.
  const members = rivals.filter((id) => ring.members.includes(id))
  return ring.rankAmong(members.length > 0 ? members : rivals)(piece) !== board.self
}

/**
 * Leases from the Hub beyond what this peer may have there, now that it knows with how many it shares the uplink.
 * The more others wait for a piece, the more it matters that few are on their way at once and land soon.
 */
export function surplusLeases(board: PieceBoard, share: number): Lease[] {
  if (board.hubLeases <= share) return []
  const ours = [...board.leases.values()].filter((lease) => lease.source === HUB)
  // More of it may be in the socket already, and what is cut has crossed the uplink in vain. In a crowd not all owners
  // hear of it, and the piece would cross twice.
  const kept = board.peers.size < CROWD ? BEGUN_SHARE : HALF_DONE_SHARE
  return ours
    .sort((a, b) => b.at - b.start - (a.at - a.start) || b.bytes - a.bytes)
    .slice(share)
    .filter((lease) => !lease.isFirm && lease.bytes < kept * board.pieceSize)
}

/** Leases that run on into pieces which other peers own by now, and where each should end: long runs are for a lone peer. */
export function overlongLeases(
  board: PieceBoard,
  ring: OwnershipRing,
): { readonly lease: Lease; readonly end: number }[] {
  if (ring.members.length <= 1) return []
  const overlong: { lease: Lease; end: number }[] = []
  for (const lease of board.leases.values()) {
    if (lease.source !== HUB) continue
    let end = lease.at + 1
    while (end < lease.end && ring.ownerOf(end) === board.self && board.availability(end) === 0) end += 1
    if (end < lease.end) overlong.push({ lease, end })
  }
  return overlong
}

/** The slow lease that most deserves a rival now, and the peer to ask; undefined when nothing is gained by one. */
export function chooseHedge(board: PieceBoard, now: number): Hedge | undefined {
  if ((board.duplicateCount + 1) * board.pieceSize > HEDGE_BYTES) return undefined
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
