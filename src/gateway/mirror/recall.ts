import { errorCodeOfHub, errorRow } from '../../base/error-table.ts'
import { DfhfError, isAbort } from '../../base/errors.ts'
import type { PublicRepos } from '../../peer/public-repos.ts'
import type { Repo } from '../../repo/repo.ts'
import type { Credentials } from '../access/credentials.ts'
import type { HeaderLine } from '../message.ts'
import { lineOf } from '../relayed-headers.ts'
import { type HubCircuit, isHubFailure, isHubTrouble } from './hub-circuit.ts'
import type { StaleResponses } from './stale-responses.ts'

/** How long the Hub may take where an earlier response is at hand, and while it fails at other questions too. */
const SHORT_PATIENCE_MS = 4_000
const HURRIED_MS = 1_000

/** What the Hub said to a question. */
export interface HubWord<T> {
  readonly response: T
  readonly status: number
  readonly headers: readonly HeaderLine[]
  /** The part worth keeping for times when the Hub fails; it is told only where the repo is public. */
  readonly lasting?: object | undefined
}

/** A question about a repo that an earlier response may answer. */
export interface RecallableQuestion<T> {
  /** Names all that the response depends on except the client. */
  readonly about: string
  readonly repo: Repo
  readonly credentials: Credentials
  readonly patienceMs: number
  readonly send: (signal: AbortSignal) => Promise<HubWord<T>>
  /** Reads what was kept; undefined for what is misshapen. */
  readonly parse: (lasting: unknown) => T | undefined
}

/** Where earlier responses are kept, and what decides whether they may be told. */
export interface RecallParts {
  readonly kept: StaleResponses
  readonly publicRepos: PublicRepos
  readonly circuit: HubCircuit
  /** How old an earlier response may be; 0 where none may be told. */
  readonly staleForMs: number
  /** Aborts when the gateway stops. */
  readonly signal: AbortSignal
}

/**
 * Asks the Hub each time; only where this very question fails, it tells the Hub's earlier response about a public
 * repo. A refusal is no failure: earlier responses to that question are withdrawn, and all about a repo that has become
 * private.
 */
export class Recall {
  readonly #parts: RecallParts

  constructor(parts: RecallParts) {
    this.#parts = parts
  }

  async ask<T>(
    question: RecallableQuestion<T>,
  ): Promise<{ readonly response: T; readonly isStale: boolean }> {
    const { kept, circuit, signal, staleForMs } = this.#parts
    const { repo, about, patienceMs } = question
    const found = await kept.find(repo, about, staleForMs)
    const before = found === undefined ? undefined : question.parse(found)
    const hurried = circuit.isBad ? HURRIED_MS : SHORT_PATIENCE_MS
    const patience = AbortSignal.timeout(before === undefined ? patienceMs : hurried)
    const { withdrawals } = kept
    try {
      const word = await question.send(AbortSignal.any([signal, patience]))
      if (!isHubFailure(word.status)) {
        await this.#hear(question, word)
        void this.#keep(question, word, withdrawals)
        return { response: word.response, isStale: false }
      }
      if (word.status !== 429) circuit.failed(`it answered ${word.status}`)
      if (before === undefined || !(await this.#mayRecall(repo)))
        return { response: word.response, isStale: false }
    } catch (error) {
      const trouble = patience.aborted ? new DfhfError('timeout', 'the Hub did not answer in time') : error
      if (isAbort(trouble) || !isHubTrouble(trouble)) throw trouble
      circuit.failed(trouble.message)
      if (before === undefined || !(await this.#mayRecall(repo))) throw trouble
    }
    return { response: before, isStale: true }
  }

  /** False where the Hub says that the repo has become private; true while the Hub cannot say. */
  async #mayRecall(repo: Repo): Promise<boolean> {
    const visibility = await this.#parts.publicRepos.visibilityNow(repo)
    if (visibility === 'private') await this.#parts.kept.withdraw(repo)
    return visibility !== 'private'
  }

  async #hear<T>({ about, repo }: RecallableQuestion<T>, word: HubWord<T>): Promise<void> {
    const { kept, circuit } = this.#parts
    circuit.worked()
    const refused = refusalIn(word)
    if (refused) await kept.withdraw(repo, refused === 'repo' ? undefined : about)
  }

  async #keep<T>(
    { about, repo, credentials }: RecallableQuestion<T>,
    { status, lasting }: HubWord<T>,
    withdrawals: number,
  ): Promise<void> {
    const { kept, publicRepos, staleForMs } = this.#parts
    if (!lasting || status >= 300 || staleForMs <= 0) return
    // A response to a request without a token is public. After one with a token the Hub is asked whether the repo is.
    const isPublic =
      credentials.authorization === undefined ||
      (await publicRepos.visibilityAfter(repo).catch(() => 'unknown')) === 'public'
    if (isPublic) await kept.keep(repo, about, lasting, withdrawals)
  }
}

/** Whether a response refuses the whole repo or only what was asked; undefined for success and for a bad token. */
function refusalIn({ status, headers }: HubWord<unknown>): 'repo' | 'this' | undefined {
  if (status !== 401 && status !== 403 && status !== 404) return undefined
  if (lineOf(headers, 'x-error-message') === 'Invalid credentials in Authorization header') return undefined
  if (status !== 404) return 'repo'
  const named = errorCodeOfHub(lineOf(headers, 'x-error-code'))
  return named !== undefined && errorRow(named).class === 'denied' ? 'repo' : 'this'
}
