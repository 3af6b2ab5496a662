import type { Lease, PieceBoard } from './piece-board.ts'
import { BUSY_PEER_PAUSE_MS, MAX_STRIKES, PEER_PAUSE_MS } from './tuning.ts'

/** How a request to a peer fails: it is busy, lacks the bytes, breaks, or sends what cannot be right. */
export type PeerFault = 'busy' | 'not here' | 'broken' | 'lie'

/** Counts what goes wrong with the peers of one transfer, and says when to leave one alone. Time comes in. */
export class PeerStrikes {
  readonly #busyPauseMs: number
  readonly #strikes = new Map<string, number>()

  constructor({ busyPauseMs = BUSY_PEER_PAUSE_MS }: { readonly busyPauseMs?: number } = {}) {
    this.#busyPauseMs = busyPauseMs
  }

  /**
   * Notes on the board what the fault says of the peer. The result is for the swarm: `shun` leaves the peer alone for a
   * while and `ban` for long, and in both cases it is off the board.
   */
  failed(board: PieceBoard, lease: Lease, fault: PeerFault, now: number): 'shun' | 'ban' | undefined {
    const peer = board.peers.get(lease.source)
    if (!peer) return undefined
    if (fault === 'busy') {
      peer.blockedUntil = now + this.#busyPauseMs
      return undefined
    }
    if (fault === 'not here')
      for (let piece = lease.at; piece < lease.end; piece += 1) board.peerLacks(peer, piece)
    else peer.blockedUntil = now + PEER_PAUSE_MS
    const strikes = (this.#strikes.get(peer.id) ?? 0) + 1
    this.#strikes.set(peer.id, strikes)
    if (fault !== 'lie' && strikes < MAX_STRIKES) return undefined
    this.#strikes.delete(peer.id)
    board.removePeer(peer.id)
    return fault === 'lie' ? 'ban' : 'shun'
  }
}
