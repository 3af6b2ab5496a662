import type { DfhfError } from '../../base/errors.ts'
import type { BlobSource } from '../../blob/blob-source.ts'
import { HubRetryPolicy } from '../../schedule/hub-retry-policy.ts'
import { HUB } from '../../schedule/piece-board.ts'
import type { TransferCounters } from '../transfer-counters.ts'
import type { HubBudget } from './hub-budget.ts'
import type { HubSeat } from './hub-seat.ts'

/** What a gate stands between. */
interface HubGateParts {
  /** Absent where only peers may be asked. */
  readonly hub?: BlobSource | undefined
  readonly budget: HubBudget
  readonly seat: HubSeat
  readonly counters: TransferCounters
  readonly clock: () => number
  readonly random: () => number
}

/** Says whether and how often one transfer may ask the Hub now: held back, told to wait, given up, or within its budget. */
export class HubGate {
  readonly #parts: HubGateParts
  readonly #health = new HubRetryPolicy()
  #isHeld = false
  #givesRanges = true
  #reason = ''

  constructor(parts: HubGateParts) {
    this.#parts = parts
  }

  /** True when the Hub cannot give this blob, now or later. */
  get isGone(): boolean {
    return this.#parts.hub === undefined || this.#health.finalError !== undefined
  }

  /** The error that made the Hub unusable. */
  get finalError(): DfhfError | undefined {
    return this.#health.finalError
  }

  /** False once the server has turned out to give no ranges: it sends one stream from the first byte. */
  get givesRanges(): boolean {
    return this.#givesRanges
  }

  /** The server has sent the whole file where a range was asked for. */
  ignoredRange(): void {
    this.#givesRanges = false
  }

  /** Milliseconds for which the Hub is left alone. */
  get pauseMs(): number {
    return Math.max(0, this.#health.quietUntil - this.#parts.clock())
  }

  /** Why the Hub is left alone, in words; undefined when it is not. */
  get pauseReason(): string | undefined {
    const { pauseMs } = this
    return pauseMs > 0 ? `${this.#reason}; next try in ${Math.ceil(pauseMs / 1000)} s` : undefined
  }

  /** Connections that may be opened now. */
  get slots(): number {
    return this.state === 'open' ? this.#parts.seat.free : 0
  }

  /** Whether the Hub may be asked at all now; `full` where only a free connection is missing. */
  get state(): 'absent' | 'held' | 'paused' | 'full' | 'open' {
    if (this.isGone) return 'absent'
    if (this.#isHeld) return 'held'
    if (this.pauseMs > 0) return 'paused'
    return this.#parts.seat.free === 0 ? 'full' : 'open'
  }

  /** Keeps the gate shut until `open` is settled, then calls `done`. */
  holdUntil(open: Promise<void>, done: () => void): void {
    this.#isHeld = true
    const release = () => {
      this.#isHeld = false
      done()
    }
    open.then(release, release)
  }

  /** Bytes came from the Hub. */
  moved(count: number): void {
    this.#parts.budget.count(count)
  }

  /** What came from the Hub brought the blob on for good: a piece landed, or a broken request left much of one. */
  progressed(): void {
    this.#health.progressed(this.#parts.clock())
  }

  /** A request to the Hub failed; true when it makes no sense to ask again. */
  failed(error: DfhfError): boolean {
    const { budget, counters, clock, random } = this.#parts
    const now = clock()
    const verdict = this.#health.failed(error, now, random())
    if (verdict.isFinal) return true
    this.#reason = error.message
    if (verdict.isCongestion) budget.congested(error.retryAfterMs !== undefined)
    counters.retry(HUB, error.message, verdict.waitMs)
    return false
  }
}
