import { type DfhfError, isOfClass } from '../base/errors.ts'
import { type PeerFault, PeerStrikes } from '../schedule/peer-strikes.ts'
import type { Lease, PieceBoard } from '../schedule/piece-board.ts'
import { stalledPeers } from '../schedule/stalled-peers.ts'
import { PEER_STALL_MS } from '../schedule/tuning.ts'
import type { BlobSwarm } from '../swarm/client/blob-swarm.ts'
import type { TransferCounters } from './transfer-counters.ts'

/** What judges the faults of one transfer's peers, and what acts on them. */
interface PeerFaultsParts {
  readonly board: PieceBoard
  readonly swarm: Pick<BlobSwarm, 'nameOf' | 'ban' | 'shun'>
  readonly counters: TransferCounters
  readonly now: () => number
  /** Cuts all leases from one peer. */
  readonly cutSource: (peerId: string) => void
}

/** Leaves peers that fail alone: for a moment, for longer, or for good where they lie. */
export class PeerFaults {
  readonly #parts: PeerFaultsParts
  readonly #strikes = new PeerStrikes()

  constructor(parts: PeerFaultsParts) {
    this.#parts = parts
  }

  /** A request to a peer failed. */
  failed(lease: Lease, error: DfhfError): void {
    const { board, swarm, counters, now } = this.#parts
    counters.retry(swarm.nameOf(lease.source), error.message, 0)
    const verdict = this.#strikes.failed(board, lease, faultOf(error), now())
    if (verdict !== undefined) swarm[verdict](lease.source, error.message)
  }

  /** A peer that sends nothing on any connection is left alone, so that its pieces are asked for elsewhere. */
  giveUpStalled(): void {
    const { board, swarm, counters, now, cutSource } = this.#parts
    for (const id of stalledPeers(board, now(), PEER_STALL_MS)) {
      const reason = `sent nothing for ${PEER_STALL_MS / 1000} s`
      counters.retry(swarm.nameOf(id), reason, 0)
      cutSource(id)
      board.removePeer(id)
      swarm.shun(id, reason)
    }
  }
}

function faultOf(error: DfhfError): PeerFault {
  if (error.code === 'rate-limited') return 'busy'
  if (error.code === 'not-cached') return 'not here'
  return isOfClass(error, 'corrupt', 'malformed') ? 'lie' : 'broken'
}
