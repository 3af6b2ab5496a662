import { quickestPeer } from './choose-from-peers.ts'
import { HUB, type Lease, type PieceBoard } from './piece-board.ts'
import { HEDGE_AFTER_MS, LEAST_CHANCE_MS } from './tuning.ts'

/** A piece that the Hub is asked for in place of the peers that hold it back. */
export interface TakenBack {
  readonly cut: readonly Lease[]
  readonly lease: Lease
}

/**
 * Has the Hub asked for one of the last pieces where peers hold it back, and nothing else is asked of the Hub: that costs
 * the uplink less than the wait costs this transfer.
 */
export function takeHeldBack(board: PieceBoard, now: number): TakenBack | undefined {
  const piece = board.hubLeases === 0 ? heldBackPiece(board, now) : undefined
  if (piece === undefined) return undefined
  const cut = leasesOn(board, piece)
  for (const lease of cut) board.endLease(lease)
  const lease = board.startLease(HUB, piece, piece + 1, now)
  lease.isFirm = true
  return { cut, lease }
}

/**
 * A piece of which all peers that were asked for it have sent next to nothing for a while, and for which no other one could
 * be found meanwhile: a busy liar has it for ever. Undefined while there are pieces that nobody was asked for.
 */
function heldBackPiece(board: PieceBoard, now: number): number | undefined {
  if (board.freeCount > 0) return undefined
  for (const { at, end } of board.leases.values()) {
    if (at >= end) continue
    const asked = leasesOn(board, at)
    if (asked.some(({ isHeld }) => isHeld)) continue
    const silentMs = now - Math.max(...asked.map(({ movedAt }) => movedAt))
    if (silentMs < LEAST_CHANCE_MS) continue
    const hasOther = quickestPeer(board, at, now, new Set(asked.map(({ source }) => source))) !== undefined
    if (!hasOther || silentMs > HEDGE_AFTER_MS + LEAST_CHANCE_MS) return at
  }
  return undefined
}

function leasesOn(board: PieceBoard, piece: number): Lease[] {
  return [...board.leases.values()].filter(({ at, end }) => at === piece && at < end)
}
