import { delay } from '../base/delay.ts'
import { DfhfError } from '../base/errors.ts'
import { HUB, type PieceBoard } from '../schedule/piece-board.ts'
import type { HubGate } from './hub/hub-gate.ts'
import type { LeaseListener, LeaseRunner } from './lease-runner.ts'

/** What a stream of the whole blob needs. */
interface WholeStreamParts {
  readonly board: PieceBoard
  readonly gate: HubGate
  readonly runner: LeaseRunner
  readonly now: () => number
  readonly listener: Pick<LeaseListener, 'failed' | 'ended'>
}

/**
 * Fetches everything in one stream from a server that gives no ranges, once no other lease is open. Starts anew when
 * the stream breaks; throws what makes another try useless.
 */
export async function streamWhole(parts: WholeStreamParts, signal: AbortSignal): Promise<void> {
  const { board, gate, runner, now, listener } = parts
  await runner.settle()
  while (!board.have.isFull) {
    const lease = board.startLease(HUB, 0, board.pieceCount, now())
    try {
      await runner.carryOut(lease)
    } catch (error) {
      signal.throwIfAborted()
      // A stream that was cut because it stood still was reported when it was cut.
      if (error instanceof DfhfError) {
        if (!error.retryable) throw error
        listener.failed(lease, error)
      }
      if (gate.isGone) throw gate.finalError ?? error
    } finally {
      listener.ended(lease)
    }
    await delay(gate.pauseMs, { signal })
  }
}
