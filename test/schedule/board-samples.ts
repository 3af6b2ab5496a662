import { Bitmap } from '../../src/blob/bitmap.ts'
import { OwnershipRing } from '../../src/schedule/ownership-ring.ts'
import type { PeerView } from '../../src/schedule/peer-view.ts'
import { PieceBoard } from '../../src/schedule/piece-board.ts'
import { peerId, sampleOid } from '../swarm/samples.ts'

/** The bytes of one piece on a sample board. */
export const PIECE_SIZE = 2 ** 20

/** The board of peer 0, which has nothing yet. */
export function createBoard(pieceCount: number): PieceBoard {
  const have = new Bitmap(pieceCount)
  return new PieceBoard({ pieceCount, pieceSize: PIECE_SIZE, have, self: peerId(0), oid: sampleOid() })
}

/** Puts peer `n` on a board, idle, quick to none and with `pieces`: numbers, or all of them. */
export function joinPeer(
  board: PieceBoard,
  n: number,
  { pieces = [], ...changes }: Partial<PeerView> & { readonly pieces?: readonly number[] | 'all' } = {},
): PeerView {
  const peer = board.addPeer({
    id: peerId(n),
    asksHub: true,
    progressAt: 0,
    msPerPiece: 0,
    slots: 3,
    load: 0,
    rate: 0,
    blockedUntil: 0,
    ...changes,
  })
  const all = pieces === 'all' ? Array.from({ length: board.pieceCount }, (_, piece) => piece) : pieces
  for (const piece of all) board.peerHas(peer, piece, 0)
  return peer
}

/** The ring of a board, as it is at `now` with a patience of 1.5 s. */
export function ringOf(
  board: PieceBoard,
  options: { readonly now?: number; readonly selfAsksHub?: boolean; readonly isAlone?: boolean } = {},
): OwnershipRing {
  const ring = new OwnershipRing(board)
  ring.refresh({ now: 0, selfAsksHub: true, isTick: true, patience: 1_500, ...options })
  return ring
}
