import type { DfhfError } from '../base/errors.ts'
import type { Lease, PieceBoard } from '../schedule/piece-board.ts'
import { stalledPeers } from '../schedule/stalled-peers.ts'
import type { BlobSwarm } from '../swarm/client/blob-swarm.ts'
import type { Tally } from './tally.ts'

/** Failures of a peer after which it is left alone for some seconds. */
const MAX_STRIKES = 3
/** How long a peer that failed once is not asked, in ms. */
const PEER_PAUSE_MS = 1_000
/** The same for one that is busy, in ms: an upload takes less than the second that Retry-After can say at the least. */
const BUSY_PEER_PAUSE_MS = 150
/** How long a peer may send nothing at all while it is asked for bytes, in ms. Others have what it has, and so has the Hub. */
const PEER_STALL_MS = 4_000

/** What the faults of one transfer's peers are judged and answered with. */
export interface PeerFaultsParts {
  readonly board: PieceBoard
  readonly swarm: Pick<BlobSwarm, 'nameOf' | 'ban' | 'shun'>
  readonly tally: Tally
  readonly now: () => number
  /** Cuts all leases from one peer. */
  readonly cutSource: (peerId: string) => void
}

/** Leaves peers that fail alone: for a moment, for longer, or for good where they lie. */
export class PeerFaults {
  readonly #parts: PeerFaultsParts
  readonly #strikes = new Map<string, number>()

  constructor(parts: PeerFaultsParts) {
    this.#parts = parts
  }

  /** A request to a peer failed. */
  failed(lease: Lease, error: DfhfError): void {
    const { board, swarm, tally, now } = this.#parts
    const peer = board.peers.get(lease.source)
    tally.retry(swarm.nameOf(lease.source), error.message, 0)
    if (!peer) return
    if (error.code === 'rate-limited') {
      peer.blockedUntil = now() + BUSY_PEER_PAUSE_MS
      return
    }
    if (error.code === 'not-cached')
      for (let piece = lease.at; piece < lease.end; piece += 1) board.peerLacks(peer, piece)
    else peer.blockedUntil = now() + PEER_PAUSE_MS
    const strikes = (this.#strikes.get(peer.id) ?? 0) + 1
    this.#strikes.set(peer.id, strikes)
    const isLie = error.code === 'verification-failed' || error.code === 'bad-response'
    if (!isLie && strikes < MAX_STRIKES) return
    this.#strikes.delete(peer.id)
    board.removePeer(peer.id)
    if (isLie) swarm.ban(peer.id, error.message)
    else swarm.shun(peer.id, error.message)
  }

  /** A peer that sends nothing on any connection is left alone, so that its pieces are asked for elsewhere. */
  giveUpStalled(): void {
    const { board, swarm, tally, now, cutSource } = this.#parts
    for (const id of stalledPeers(board, now(), PEER_STALL_MS)) {
      const reason = `sent nothing for ${PEER_STALL_MS / 1000} s`
      tally.retry(swarm.nameOf(id), reason, 0)
      cutSource(id)
      board.removePeer(id)
      swarm.shun(id, reason)
    }
  }
}
