import { DfhfError } from '../base/errors.ts'
import type { HubClient } from '../hub/hub-client.ts'
import { type Repo, repoName } from '../hub/repo.ts'

/** How long the Hub's word counts, in ms: a repo may become private at any time. */
const GOOD_FOR_MS = 10 * 60_000
/** The same for a no, or no answer: it is asked again sooner. */
const RETRY_AFTER_MS = 30_000
const MAX_REPOS = 10_000

interface Answer {
  readonly isPublic: Promise<boolean>
  goodUntil: number
}

/** Knows which repos anybody may read, by asking the Hub without any token. What cannot be asked is not public. */
export class PublicRepos {
  readonly #hub: HubClient
  readonly #now: () => number
  readonly #answers = new Map<string, Answer>()

  /** `anonymous` must carry no token. */
  constructor(anonymous: HubClient, now: () => number = () => performance.now()) {
    this.#hub = anonymous
    this.#now = now
  }

  isPublic(repo: Repo): Promise<boolean> {
    const name = repoName(repo)
    const known = this.#answers.get(name)
    if (known && this.#now() < known.goodUntil) return known.isPublic
    if (this.#answers.size >= MAX_REPOS) this.#answers.delete(this.#answers.keys().next().value ?? '')
    const answer: Answer = { isPublic: this.#ask(repo), goodUntil: this.#now() + GOOD_FOR_MS }
    this.#answers.set(name, answer)
    void answer.isPublic.then((isPublic) => {
      if (!isPublic) answer.goodUntil = this.#now() + RETRY_AFTER_MS
    })
    return answer.isPublic
  }

  /** True when anybody may read at least one of the repos: then the blob that they share is public. */
  async isAnyPublic(repos: readonly Repo[]): Promise<boolean> {
    for (const repo of repos) if (await this.isPublic(repo)) return true
    return false
  }

  async #ask(repo: Repo): Promise<boolean> {
    try {
      const { isPrivate, isGated, isDisabled } = await this.#hub.repoInfo(repo, 'main')
      return !isPrivate && !isGated && !isDisabled
    } catch (error) {
      if (error instanceof DfhfError) return false
      throw error
    }
  }
}
