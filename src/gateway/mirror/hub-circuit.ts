import { type DfhfError, isOfClass } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'

/** For so long after a failure the Hub has less time to answer, where an earlier response is at hand. */
const PAUSE_MS = 5_000

/** Whether the Hub answers at present; says in the log when that changes. */
export class HubCircuit {
  readonly #log: Log
  readonly #now: () => number
  #failedAt: number | undefined

  constructor(log: Log, now: () => number = () => performance.now()) {
    this.#log = log
    this.#now = now
  }

  /** True shortly after a failure. */
  get isBad(): boolean {
    return this.#failedAt !== undefined && this.#now() - this.#failedAt < PAUSE_MS
  }

  /** False from a failure on until the Hub has answered again. */
  get isWell(): boolean {
    return this.#failedAt === undefined
  }

  failed(reason: string): void {
    if (this.#failedAt === undefined) this.#log.warn(`the Hub fails: ${reason}`)
    this.#failedAt = this.#now()
  }

  worked(): void {
    if (this.#failedAt !== undefined) this.#log.info('the Hub answers again')
    this.#failedAt = undefined
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
