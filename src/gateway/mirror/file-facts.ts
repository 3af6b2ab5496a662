import { isCommit } from '../../blob/oid.ts'
import { SingleFlightCache } from '../single-flight-cache.ts'
import { askForFile, type FileQuestion, type FileVerdict } from './ask-for-file.ts'
import { parseFileFact } from './file-fact.ts'
import { isHubFailure } from './hub-circuit.ts'
import type { HubUpstream } from './hub-upstream.ts'
import type { HubWord, Recall } from './recall.ts'
import type { StaleResponses } from './stale-responses.ts'

/** How long the Hub's response about a file counts for one client, in ms: a commit's files never change, access may. */
const COMMIT_GOOD_FOR_MS = 30_000
const BRANCH_GOOD_FOR_MS = 10_000
const REFUSAL_GOOD_FOR_MS = 3_000
/** How long the Hub may take. */
const PATIENCE_MS = 30_000
const MAX_REMEMBERED = 20_000

/** What is known of a file, and whether from an earlier response. */
export interface FileAnswer {
  readonly verdict: FileVerdict
  /** True when the Hub could not be asked now. */
  readonly isStale: boolean
}

/** Where facts come from and where they are kept. */
export interface FileFactsParts {
  readonly hub: HubUpstream
  readonly recall: Recall
  readonly kept: StaleResponses
}

/**
 * What the Hub tells each client about files. The Hub decides on every request; its response counts a short while for
 * the same client and file, and clients that ask at once share one question. Where the Hub fails, its earlier response
 * about a public repo is told.
 */
export class FileFacts {
  readonly #parts: FileFactsParts
  readonly #memory = new SingleFlightCache<FileAnswer>({ size: MAX_REMEMBERED })

  constructor(parts: FileFactsParts) {
    this.#parts = parts
  }

  ask(question: Omit<FileQuestion, 'signal'>, revision: string): Promise<FileAnswer> {
    // A response from before a repo was found to be private, or an ETag to be no git id, counts no more.
    const { kept, hub } = this.#parts
    const key = `${question.credentials.key} ${kept.withdrawals} ${hub.plainEtags.areGitIds} ${question.target}`
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
    const { hub, recall } = this.#parts
    const { repo, credentials, target } = question
    const { response, isStale } = await recall.ask<FileVerdict>({
      about: `file ${target}`,
      repo,
      credentials,
      patienceMs: PATIENCE_MS,
      send: async (signal) => wordOf(await askForFile(hub, { ...question, signal })),
      parse: (lasting) => {
        const fact = parseFileFact(lasting)
        return fact && { kind: 'file', fact }
      },
    })
    return { verdict: response, isStale }
  }
}

function wordOf(verdict: FileVerdict): HubWord<FileVerdict> {
  if (verdict.kind === 'refused')
    return { response: verdict, status: verdict.status, headers: verdict.headers }
  if (verdict.kind === 'opaque') return { response: verdict, status: 200, headers: [] }
  const { location: _, ...lasting } = verdict.fact
  return { response: verdict, status: 200, headers: [], lasting }
}
