import { DfhfError } from '../base/errors.ts'
import type { PieceBoard } from '../schedule/piece-board.ts'
import { NO_SOURCE_MS, STANDSTILL_TOLD_MS } from '../schedule/tuning.ts'
import { waitReason } from '../schedule/wait-reason.ts'
import type { HubGate } from './hub/hub-gate.ts'
import type { Phase } from './transfer-state.ts'

/** What a watch looks at. */
interface ProgressWatchParts {
  readonly board: PieceBoard
  readonly gate: HubGate
  /** False where there is no Hub to wait for: then peers may come at any time. */
  readonly hasHub: boolean
  readonly hasSwarm: boolean
  readonly now: () => number
}

/** Watches whether a transfer moves: why it does not, and when it makes no sense to wait any longer. */
export class ProgressWatch {
  readonly #parts: ProgressWatchParts
  #movedAt: number
  #peersSeenAt = Number.NEGATIVE_INFINITY

  constructor(parts: ProgressWatchParts) {
    this.#parts = parts
    this.#movedAt = parts.now()
  }

  /** Bytes arrived. */
  moved(now: number): void {
    this.#movedAt = now
  }

  /** Why nothing moves, in a few words for the user; undefined while it does. */
  reason(phase: Phase): string | undefined {
    const { board, gate, hasSwarm, now } = this.#parts
    const standsForMs = now() - this.#movedAt
    if (standsForMs <= STANDSTILL_TOLD_MS) return undefined
    const { state, pauseReason } = gate
    const leases = [...board.leases.values()]
    return waitReason({
      seconds: Math.floor(standsForMs / 1000),
      phase: phase === 'checking' || phase === 'repairing' ? phase : 'fetching',
      connections: leases.length,
      isHeldByLimit: leases.every(({ isHeld }) => isHeld),
      pauseReason,
      hub: state === 'paused' ? 'open' : state,
      hasSwarm,
    })
  }

  /** The error to give up with when neither the Hub nor any peer can be expected to bring the rest. */
  lostHope(): DfhfError | undefined {
    const { board, gate, hasHub, hasSwarm, now: clock } = this.#parts
    if (!gate.isGone || board.have.isFull) return undefined
    const now = clock()
    const { peers, leases } = board
    if (peers.size > 0) this.#peersSeenAt = now
    if (leases.size > 0) return undefined
    // Peers that are left alone for a moment are not on the board, and may be back.
    const isHopeful = hasSwarm && (now - this.#peersSeenAt < NO_SOURCE_MS || !hasHub)
    const patience = isHopeful ? NO_SOURCE_MS : 0
    const progressAt = Math.max(this.#movedAt, ...[...peers.values()].map((peer) => peer.progressAt))
    if (now - progressAt < patience) return undefined
    return (
      gate.finalError ??
      new DfhfError('no-source', `no peer has what is missing of blob ${board.oid.slice(0, 12)}`, {
        hint: 'allow the Hub with --origin auto, or check --seeds',
      })
    )
  }
}
