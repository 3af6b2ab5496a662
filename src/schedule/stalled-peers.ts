import { HUB, type PieceBoard } from './piece-board.ts'

/** Peers that are being asked for bytes and have sent none for `patience` ms on any connection. */
export function stalledPeers(board: PieceBoard, now: number, patience: number): string[] {
  const lastMoves = new Map<string, number>()
  for (const { source, movedAt, isHeld } of board.leases.values()) {
    if (isHeld) lastMoves.set(source, now)
    else if (source !== HUB) lastMoves.set(source, Math.max(movedAt, lastMoves.get(source) ?? 0))
  }
  return [...lastMoves].filter(([, movedAt]) => now - movedAt > patience).map(([source]) => source)
}
