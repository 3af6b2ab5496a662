import { DfhfError, isOfClass } from '../base/errors.ts'
import type { SourceKind } from '../blob/blob-source.ts'
import { RangeIgnoredError } from '../http/ranges/range-request.ts'
import { HUB, type Lease } from '../schedule/piece-board.ts'
import type { Scheduler } from '../schedule/scheduler.ts'
import { WORTH_GOING_ON_BYTES } from '../schedule/tuning.ts'
import type { HubGate } from './hub/hub-gate.ts'
import type { Landing, LeaseListener } from './lease-runner.ts'
import type { PeerFaults } from './peer-faults.ts'
import type { ProgressWatch } from './progress-watch.ts'
import type { TransferCounters } from './transfer-counters.ts'
import type { TransferSources } from './transfer-sources.ts'
import type { TransferState } from './transfer-state.ts'

/** The parts that are told what came of a lease. */
interface LeaseOutcomesParts {
  readonly state: TransferState
  readonly scheduler: Scheduler
  readonly gate: HubGate
  readonly sources: TransferSources
  readonly counters: TransferCounters
  readonly watch: ProgressWatch
  /** Absent where there are no peers. */
  readonly peerFaults: PeerFaults | undefined
  readonly now: () => number
  readonly stallMs: number
  /** Called when something may have to be decided anew. */
  readonly onChange: () => void
  /** Called when the Hub has sent the whole file for a range. */
  readonly onRangeIgnored: () => void
}

/** Tells the parts of a transfer what came of its leases, and ends the transfer where nothing more can come. */
export class LeaseOutcomes implements LeaseListener {
  readonly #parts: LeaseOutcomesParts

  constructor(parts: LeaseOutcomesParts) {
    this.#parts = parts
  }

  moved(lease: Lease, count: number): void {
    const { scheduler, gate, sources, counters, watch, now: clock } = this.#parts
    const now = clock()
    watch.moved(now)
    scheduler.moved(lease, count, now)
    if (lease.source === HUB) gate.moved(count)
    counters.add(kindOf(lease.source), sources.nameOf(lease.source), count)
  }

  /** Lost bytes count as cost, but no longer as progress. */
  lost(source: string, count: number): void {
    if (count <= 0) return
    this.#parts.scheduler.lost(source, count)
    this.#parts.counters.lose(kindOf(source), count)
  }

  landed(lease: Lease, { tookMs, isNew, digest }: Landing): void {
    const { state, scheduler, gate, counters, onChange } = this.#parts
    const { source, at } = lease
    if (isNew) {
      counters.landed(kindOf(source), at, tookMs)
      const isVouchedFor = scheduler.board.peers.get(source)?.have.isFull ?? false
      state.pieces.note(at, { source, isVouchedFor, digest })
      if (source === HUB) gate.progressed()
    }
    scheduler.landed(lease, tookMs)
    state.pieces.changed()
    if (state.pieces.isFull) state.wake()
    // A lease that is done ends in a moment, and what it frees counts then.
    else if (lease.at < lease.end) onChange()
  }

  ended(lease: Lease): void {
    const { state, scheduler, onChange } = this.#parts
    scheduler.board.endLease(lease)
    if (lease.source === HUB) state.pieces.changed()
    onChange()
  }

  failed(lease: Lease, error: unknown): void {
    const { state, counters, peerFaults, onRangeIgnored } = this.#parts
    if (isOfClass(error, 'corrupt')) counters.wrong('piece')
    if (error instanceof RangeIgnoredError && lease.source === HUB) onRangeIgnored()
    else if (!(error instanceof DfhfError) || isOfClass(error, 'disk')) state.fail(error)
    else if (lease.source === HUB) this.#hubFailed(lease, error)
    else peerFaults?.failed(lease, error)
  }

  /** The Hub sent nothing for too long, and the lease was cut. */
  hubStalled(lease: Lease): void {
    const seconds = Math.round(this.#parts.stallMs / 1000)
    const error = new DfhfError('timeout', `no bytes from the hub for ${seconds} s`, { retryable: true })
    this.#hubFailed(lease, error)
  }

  /** Gives up when neither the Hub nor any peer can be expected to bring the rest. */
  checkHope(): void {
    const error = this.#parts.watch.lostHope()
    if (error) this.#parts.state.fail(error)
  }

  #hubFailed(lease: Lease, error: DfhfError): void {
    const { gate } = this.#parts
    const gained = lease.bytes - (lease.at === lease.start ? lease.prefix : 0)
    if (gained >= WORTH_GOING_ON_BYTES && gate.givesRanges) gate.progressed()
    if (gate.failed(error)) this.checkHope()
  }
}

function kindOf(source: string): SourceKind {
  return source === HUB ? 'hub' : 'peers'
}
