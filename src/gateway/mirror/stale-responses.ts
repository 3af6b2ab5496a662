import { createHash } from 'node:crypto'
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isObject } from '../../base/json-object.ts'
import { type Log, silentLog } from '../../base/log.ts'
import { Semaphore } from '../../base/semaphore.ts'
import { type Repo, repoName } from '../../repo/repo.ts'
import { writeFileAtomically } from '../../storage/files/atomic-write.ts'
import { readPlainText } from '../../storage/files/plain-file.ts'

const MAX_RESPONSES = 20_000
const MAX_SIZE = 256 * 2 ** 20
const MAX_RESPONSE_SIZE = 8 * 2 ** 20
/** The same response is not written again within this time. */
const REFRESH_MS = 60_000

interface Kept {
  readonly size: number
  readonly seenAtMs: number
}

/**
 * What the Hub said about public repos, kept on disk for the time that it cannot be asked; a folder for each repo, so
 * that all of it goes at once. Bounded: the responses seen longest ago go first. Losing it costs nothing else.
 */
export class StaleResponses {
  readonly #folder: string
  readonly #log: Log
  readonly #now: () => number
  /** By their path inside the folder. */
  #kept: Map<string, Kept> | undefined
  #size = 0
  readonly #turn = new Semaphore(1)
  #withdrawals = 0

  constructor(stateDir: string, options: { readonly log?: Log; readonly now?: () => number } = {}) {
    this.#folder = join(stateDir, 'gateway-answers')
    this.#log = options.log ?? silentLog
    this.#now = options.now ?? Date.now
  }

  /** Grows each time that a repo's responses are withdrawn: what was asked before that may be out of date. */
  get withdrawals(): number {
    return this.#withdrawals
  }

  /** Keeps a JSON value under a question about a repo; not when responses were withdrawn since `withdrawals` was read. */
  keep(repo: Repo, question: string, value: object, withdrawals = this.#withdrawals): Promise<void> {
    return this.#inTurn(async () => {
      const kept = await this.#load()
      const path = pathOf(repo, question)
      const before = kept.get(path)
      if (before && this.#now() - before.seenAtMs < REFRESH_MS) return
      const text = JSON.stringify({ question, seenAtMs: this.#now(), value })
      if (text.length > MAX_RESPONSE_SIZE || withdrawals !== this.#withdrawals) return
      await mkdir(join(this.#folder, folderOf(repo)), { recursive: true, mode: 0o700 })
      await writeFileAtomically(join(this.#folder, path), text)
      this.#size += text.length - (before?.size ?? 0)
      kept.delete(path)
      kept.set(path, { size: text.length, seenAtMs: this.#now() })
      await this.#prune(kept)
    })
  }

  /** What was kept under a question not longer than `maxAgeMs` ago. */
  async find(repo: Repo, question: string, maxAgeMs: number): Promise<unknown> {
    if (maxAgeMs <= 0) return undefined
    try {
      const text = await readPlainText(join(this.#folder, pathOf(repo, question)), MAX_RESPONSE_SIZE * 2)
      const stored: unknown = JSON.parse(text ?? '')
      if (!isObject(stored) || stored.question !== question || typeof stored.seenAtMs !== 'number')
        return undefined
      return this.#now() - stored.seenAtMs <= maxAgeMs ? stored.value : undefined
    } catch {
      return undefined
    }
  }

  /** Forgets one response, or all about a repo. */
  withdraw(repo: Repo, question?: string): Promise<void> {
    return this.#inTurn(async () => {
      const kept = await this.#load()
      const path = question === undefined ? folderOf(repo) : pathOf(repo, question)
      const gone = [...kept].filter(([each]) => each === path || each.startsWith(`${path}/`))
      if (gone.length === 0) return
      this.#withdrawals += 1
      for (const [each, { size }] of gone) {
        kept.delete(each)
        this.#size -= size
      }
      await rm(join(this.#folder, path), { recursive: true, force: true })
    })
  }

  async #load(): Promise<Map<string, Kept>> {
    if (this.#kept) return this.#kept
    const found: [string, Kept][] = []
    for (const path of await readdir(this.#folder, { recursive: true }).catch(() => [])) {
      const stats = await stat(join(this.#folder, path)).catch(() => undefined)
      if (stats?.isFile()) found.push([path, { size: stats.size, seenAtMs: stats.mtimeMs }])
    }
    found.sort(([, a], [, b]) => a.seenAtMs - b.seenAtMs)
    this.#kept = new Map(found)
    for (const [, { size }] of found) this.#size += size
    return this.#kept
  }

  async #prune(kept: Map<string, Kept>): Promise<void> {
    for (const [path, { size }] of kept) {
      if (kept.size <= MAX_RESPONSES && this.#size <= MAX_SIZE) return
      kept.delete(path)
      this.#size -= size
      await rm(join(this.#folder, path), { force: true })
    }
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    return this.#turn.run(work).catch((error: unknown) => {
      this.#log.debug(`cannot keep an answer of the Hub: ${String(error)}`)
    })
  }
}

function pathOf(repo: Repo, question: string): string {
  return join(folderOf(repo), hashOf(question))
}

function folderOf(repo: Repo): string {
  return hashOf(repoName(repo))
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
