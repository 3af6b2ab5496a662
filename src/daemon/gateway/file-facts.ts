import { DfhfError, isAbort } from '../../base/errors.ts'
import { isCommit } from '../../blob/oid.ts'
import type { PublicRepos } from '../public-repos.ts'
import { askForFile, type FileQuestion, type FileVerdict } from './ask-for-file.ts'
import { parseFileFact } from './file-fact.ts'
import type { HubUpstream } from './hub-upstream.ts'
import { type HubWeather, isHubFailure, isHubTrouble } from './hub-weather.ts'
import type { KeptAnswers } from './kept-answers.ts'
import { ShortMemory } from './short-memory.ts'

/** How long the Hub's word about a file counts for one client, in ms: a commit's files never change, access may. */
const COMMIT_GOOD_FOR_MS = 30_000
const BRANCH_GOOD_FOR_MS = 10_000
const REFUSAL_GOOD_FOR_MS = 3_000
/** How long the Hub may take, and how long where an answer from before would do. */
const PATIENCE_MS = 30_000
const SHORT_PATIENCE_MS = 4_000
const MAX_REMEMBERED = 20_000

/** What is known of a file, and whether only from before. */
export interface FileAnswer {
  readonly verdict: FileVerdict
  /** True when the Hub could not be asked now. */
  readonly isStale: boolean
}

/** What this needs. */
export interface FileFactsParts {
  readonly hub: HubUpstream
  readonly kept: KeptAnswers
  readonly publicRepos: PublicRepos
  readonly weather: HubWeather
  /** 0 for not at all. */
  readonly staleForMs: number
  /** Aborts when the gateway stops. */
  readonly signal: AbortSignal
}

/**
 * What the Hub tells each client about files. The Hub decides on every request; its word counts a short while for the
 * same client and file, and many who ask at once share one question. While it fails, what it said of public repos
 * before is told on.
 */
export class FileFacts {
  readonly #parts: FileFactsParts
  readonly #memory = new ShortMemory<FileAnswer>({ size: MAX_REMEMBERED })

  constructor(parts: FileFactsParts) {
    this.#parts = parts
  }

  ask(question: Omit<FileQuestion, 'signal'>, revision: string): Promise<FileAnswer> {
    const key = `${question.credentials.key} ${question.target}`
    return this.#memory.get(
      key,
      () => this.#ask(question),
      ({ verdict, isStale }) => {
        if (isStale) return 0
        if (verdict.kind === 'refused') return isHubFailure(verdict.status) ? 0 : REFUSAL_GOOD_FOR_MS
        return isCommit(revision) ? COMMIT_GOOD_FOR_MS : BRANCH_GOOD_FOR_MS
      },
    )
  }

  async #ask(question: Omit<FileQuestion, 'signal'>): Promise<FileAnswer> {
    const { hub, kept, weather, staleForMs, signal } = this.#parts
    const keptAs = `file ${question.target}`
    const before = parseFileFact(await kept.find(keptAs, staleForMs))
    const stale: FileAnswer | undefined = before && { verdict: { kind: 'file', fact: before }, isStale: true }
    if (stale && weather.isBad) return stale
    const patience = AbortSignal.timeout(stale ? SHORT_PATIENCE_MS : PATIENCE_MS)
    try {
      const verdict = await askForFile(hub, { ...question, signal: AbortSignal.any([signal, patience]) })
      if (verdict.kind === 'refused' && isHubFailure(verdict.status)) {
        if (verdict.status !== 429) weather.failed(`it answered ${verdict.status}`)
        return stale ?? { verdict, isStale: false }
      }
      weather.worked()
      if (verdict.kind === 'file') void this.#keep(keptAs, question, verdict)
      return { verdict, isStale: false }
    } catch (error) {
      const trouble = patience.aborted ? new DfhfError('timeout', 'the Hub did not answer in time') : error
      if (isAbort(trouble) || !isHubTrouble(trouble)) throw trouble
      weather.failed(trouble.message)
      if (stale) return stale
      throw trouble
    }
  }

  async #keep(
    keptAs: string,
    { repo }: Omit<FileQuestion, 'signal'>,
    { fact }: Extract<FileVerdict, { kind: 'file' }>,
  ): Promise<void> {
    if (this.#parts.staleForMs <= 0 || !(await this.#parts.publicRepos.isPublic(repo))) return
    const { location: _, ...lasting } = fact
    await this.#parts.kept.keep(keptAs, lasting)
  }
}
