import { type DfhfError, isOfClass } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'

/** For so long after a failure the Hub has less time to answer, where an earlier response is at hand. */
const PAUSE_MS = 5_000

/** Whether the Hub answers at present, this node or its clients; says in the log when that changes. */
export class HubCircuit {
  readonly #log: Log
  readonly #now: () => number
  #failedAt: number | undefined
  #isWell = true

  constructor(log: Log, now: () => number = () => performance.now()) {
    this.#log = log
    this.#now = now
  }

  /** True shortly after a failure at a client's question. */
  get isBad(): boolean {
    return this.#failedAt !== undefined && this.#now() - this.#failedAt < PAUSE_MS
  }

  /** False from a failure on until the Hub has answered again. */
  get isWell(): boolean {
    return this.#isWell
  }

  /** The Hub failed at a client's question. */
  failed(reason: string): void {
    this.#failedAt = this.#now()
    this.#turnBad(reason)
  }

  /** The Hub answered a client's question. */
  worked(): void {
    this.#failedAt = undefined
    this.#turnWell()
  }

  /** A request of any kind to the Hub's own host was answered with this status, or not at all: 0, and why. */
  answered(status: number, failure?: unknown): void {
    // A limit says nothing of the Hub, and 407 comes from a proxy on the way to it.
    if (status === 429) return
    if (status === 0 || status === 407)
      this.#turnBad(failure instanceof Error ? failure.message : 'a proxy refused the request')
    else if (isHubFailure(status)) this.#turnBad(`it answered ${status}`)
    else this.#turnWell()
  }

  #turnBad(reason: string): void {
    if (this.#isWell) this.#log.warn(`the Hub fails: ${reason}`)
    this.#isWell = false
  }

  #turnWell(): void {
    if (!this.#isWell) this.#log.info('the Hub answers again')
    this.#isWell = true
  }
}

/** True for a status by which the Hub says that it cannot answer now. */
export function isHubFailure(status: number): boolean {
  return status === 429 || status >= 500
}

/** True for an error that says nothing about the question, only about the Hub or the way to it. */
export function isHubTrouble(error: unknown): error is DfhfError {
  return isOfClass(error, 'network', 'hub')
}
