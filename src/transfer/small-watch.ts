import { DfhfError } from '../base/errors.ts'
import { LEAST_MOVE_BYTES, STANDSTILL_TOLD_MS } from '../schedule/tuning.ts'
import { waitReason } from '../schedule/wait-reason.ts'
import type { EventSink } from './transfer-event.ts'

/** How often it looks, in ms. */
const LOOK_EVERY_MS = 500

/** What the request of a small blob is watched by. */
export interface SmallWatchParts {
  /** The file's number in events. */
  readonly id: number
  readonly report: EventSink
  readonly stallMs: number
  readonly signal: AbortSignal
}

/** Watches one request: tells the user why nothing comes, and cuts it when nothing has come for too long. */
export class SmallWatch implements Disposable {
  /** True while bytes wait for the rate limit: then a standstill is no fault of the Hub's. */
  isHeld = false
  readonly #parts: SmallWatchParts
  readonly #timer: ReturnType<typeof setInterval>
  readonly #cut = new AbortController()
  readonly #stop = () => this.#cut.abort(this.#parts.signal.reason)
  #movedAt = performance.now()
  /** Bytes since `#aliveAt`, when they were last enough to count as life. */
  #bytes = 0
  #aliveAt = this.#movedAt
  #isTold = false

  constructor(parts: SmallWatchParts) {
    this.#parts = parts
    // By hand: signals made of a long-lived one are given back late, and there may be a hundred thousand of them.
    if (parts.signal.aborted) this.#stop()
    else parts.signal.addEventListener('abort', this.#stop, { once: true })
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS)
  }

  /** Aborts with the caller's signal, or with `timeout` when the request stands still. */
  get signal(): AbortSignal {
    return this.#cut.signal
  }

  /** Bytes arrived. */
  moved(count: number): void {
    this.#movedAt = performance.now()
    this.#bytes += count
    if (this.#bytes < LEAST_MOVE_BYTES) return
    this.#bytes = 0
    this.#aliveAt = this.#movedAt
  }

  #look(): void {
    const { id, report, stallMs } = this.#parts
    const now = performance.now()
    if (this.isHeld) this.#aliveAt = now
    if (now - this.#aliveAt >= stallMs) {
      const seconds = Math.round(stallMs / 1000)
      const why = `no bytes from the hub for ${seconds} s`
      this.#cut.abort(new DfhfError('timeout', why, { retryable: true }))
    }
    const standsForMs = now - this.#movedAt
    if (standsForMs > STANDSTILL_TOLD_MS) {
      this.#isTold = true
      const reason = waitReason({
        ...{ seconds: Math.floor(standsForMs / 1000), phase: 'fetching', connections: 1 },
        ...{ isHeldByLimit: this.isHeld, pauseReason: undefined, hub: 'open', hasSwarm: false },
      })
      report({ type: 'wait', id, reason })
    } else if (this.#isTold) this.#goOn()
  }

  #goOn(): void {
    this.#isTold = false
    this.#parts.report({ type: 'wait', id: this.#parts.id, reason: undefined })
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#parts.signal.removeEventListener('abort', this.#stop)
    if (this.#isTold) this.#goOn()
  }
}
