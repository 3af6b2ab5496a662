import { BoundedMap } from '../base/bounded-map.ts'
import { DfhfError, isOfClass } from '../base/errors.ts'
import { Listeners } from '../base/listeners.ts'
import type { Origin } from '../repo/origin.ts'
import { type Repo, repoName } from '../repo/repo.ts'

/** How long the Hub's response counts, in ms: a repo may become private at any time. */
const GOOD_FOR_MS = 10 * 60_000
/** From this age on a yes is asked for anew while it still counts. */
const RENEW_AFTER_MS = 8 * 60_000
/** How long a no counts, and the lack of a response: the Hub is asked again sooner. */
const NO_GOOD_FOR_MS = 30_000
const RETRY_AFTER_MS = 3_000
/** How old a response may be that is asked for now, so that callers at the same time share one question. */
const NOW_MS = 1_000
const PATIENCE_NOW_MS = 1_000
/** The least time between two questions about a repo where each response must be newer than the call. */
const SPACING_MS = 5_000
const MAX_TRIES = 5
const MAX_REPOS = 10_000
/** Of how many repos a node learns at its start, and how long it pauses between two: anonymous clients have 500 questions in 5 minutes. */
const MOST_LEARNED = 50
const LEARNING_PAUSE_MS = 100

const goodForMs = { public: GOOD_FOR_MS, private: NO_GOOD_FOR_MS, unknown: RETRY_AFTER_MS } as const

/** Who may read a repo: all clients, those with a right token, or unknown while the Hub does not answer. */
export type Visibility = 'public' | 'private' | 'unknown'

/** What is known of one repo, and what is being asked. */
interface Known {
  said: Visibility | undefined
  saidAtMs: number
  begunAtMs: number
  asking: Promise<Visibility> | undefined
  planned: Promise<Visibility> | undefined
  isSettling: boolean
}

/** Knows which repos are public, by asking the Hub without any token. A repo that cannot be asked about counts as private. */
export class PublicRepos {
  readonly #hub: Origin
  readonly #now: () => number
  readonly #repos = new BoundedMap<string, Known>(MAX_REPOS)
  readonly #listeners = new Listeners<Repo>()

  /** `anonymous` must carry no token. */
  constructor(anonymous: Origin, now: () => number = () => performance.now()) {
    this.#hub = anonymous
    this.#now = now
  }

  async isPublic(repo: Repo): Promise<boolean> {
    const known = this.#known(repo)
    if (this.#counts(known)) return known.said === 'public'
    return (await this.#ask(repo, known)) === 'public'
  }

  /**
   * True when each of the repos is known to be public; false for an empty list. Answers at once, and has the Hub asked
   * about unknown ones.
   */
  areKnownPublic(repos: readonly Repo[]): boolean {
    const arePublic = repos.map((repo) => {
      const known = this.#known(repo)
      const counts = this.#counts(known)
      if (!counts || (known.said === 'public' && this.#ageOf(known) > RENEW_AFTER_MS))
        void this.#settle(repo, known)
      return counts && known.said === 'public'
    })
    return arePublic.length > 0 && arePublic.every(Boolean)
  }

  /**
   * Has the Hub asked about repos in advance, some a second, so that the first peer that asks for one of their blobs is
   * told at once.
   */
  async learn(repos: Iterable<Repo>, signal: AbortSignal): Promise<void> {
    let asked = 0
    for (const repo of repos) {
      if (signal.aborted || asked >= MOST_LEARNED) return
      asked += 1
      await this.isPublic(repo).catch(() => {})
      await pause(LEARNING_PAUSE_MS)
    }
  }

  /** What the Hub says at this moment; `unknown` where it does not answer within a second. */
  async visibilityNow(repo: Repo): Promise<Visibility> {
    const known = this.#known(repo)
    if (known.said !== undefined && this.#ageOf(known) < NOW_MS) return known.said
    const asking = this.#ask(repo, known)
    const { promise, resolve } = Promise.withResolvers<Visibility>()
    const timer = setTimeout(resolve, known.begunAtMs + PATIENCE_NOW_MS - this.#now(), 'unknown')
    return await Promise.race([asking, promise]).finally(() => clearTimeout(timer))
  }

  /** The Hub's response to a question that is put after this call; calls within a few seconds share one. */
  visibilityAfter(repo: Repo): Promise<Visibility> {
    const known = this.#known(repo)
    const waitMs = known.begunAtMs + SPACING_MS - this.#now()
    known.planned ??= (async () => {
      if (waitMs > 0) await pause(waitMs)
      known.planned = undefined
      return this.#begin(repo, known)
    })()
    return known.planned
  }

  /** Calls `listener` for each repo that turns out to be public; returns what ends that. */
  onPublic(listener: (repo: Repo) => void): () => void {
    return this.#listeners.add(listener)
  }

  #known(repo: Repo): Known {
    const name = repoName(repo)
    const known = this.#repos.get(name)
    if (known) return known
    const fresh: Known = {
      said: undefined,
      saidAtMs: 0,
      begunAtMs: Number.NEGATIVE_INFINITY,
      asking: undefined,
      planned: undefined,
      isSettling: false,
    }
    this.#repos.set(name, fresh)
    return fresh
  }

  #counts(known: Known): boolean {
    return known.said !== undefined && this.#ageOf(known) < goodForMs[known.said]
  }

  #ageOf({ saidAtMs }: Known): number {
    return this.#now() - saidAtMs
  }

  /** Asks for peers that were told no meanwhile and watch for news; again a few times while the Hub does not answer. */
  async #settle(repo: Repo, known: Known): Promise<void> {
    if (known.isSettling) return
    known.isSettling = true
    try {
      for (let tries = 0; tries < MAX_TRIES; tries += 1) {
        if (tries > 0) await pause(RETRY_AFTER_MS)
        if ((await this.#ask(repo, known)) !== 'unknown') return
      }
    } catch {
      // Where the Hub does not answer it stays at no.
    } finally {
      known.isSettling = false
    }
  }

  #ask(repo: Repo, known: Known): Promise<Visibility> {
    return known.asking ?? this.#begin(repo, known)
  }

  #begin(repo: Repo, known: Known): Promise<Visibility> {
    known.begunAtMs = this.#now()
    const asking = this.#question(repo).finally(() => {
      if (known.asking === asking) known.asking = undefined
    })
    known.asking = asking
    return asking.then((visibility) => {
      // A Hub that does not answer does not withdraw an earlier yes.
      if (visibility === 'unknown' && known.said === 'public' && this.#counts(known)) return visibility
      const isNews = visibility === 'public' && known.said !== 'public'
      known.said = visibility
      known.saidAtMs = this.#now()
      if (isNews) this.#listeners.tell(repo)
      return visibility
    })
  }

  async #question(repo: Repo): Promise<Visibility> {
    try {
      const { isPrivate, isGated, isDisabled } = await this.#hub.resolveRevision(repo, 'main')
      return isPrivate || isGated || isDisabled ? 'private' : 'public'
    } catch (error) {
      if (!(error instanceof DfhfError)) throw error
      return isOfClass(error, 'denied') ? 'private' : 'unknown'
    }
  }
}

/** Waits without keeping the process alive. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref()
  })
}
