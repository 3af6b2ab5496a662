import { createHash } from 'node:crypto'
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Log, silentLog } from '../../base/log.ts'
import { isObject } from '../../hub/json-shape.ts'
import { writeFileAtomically } from '../../storage/atomic-write.ts'
import { readPlainText } from '../../storage/plain-file.ts'

const MAX_ANSWERS = 20_000
const MAX_SIZE = 256 * 2 ** 20
const MAX_ANSWER_SIZE = 8 * 2 ** 20
/** The same answer is not written again within this time. */
const REFRESH_MS = 60_000

interface Kept {
  readonly size: number
  readonly seenAtMs: number
}

/**
 * What the Hub said about public repos, kept on disk for the time that it cannot be asked. Bounded: the answers seen
 * longest ago go first. Losing it costs nothing but that.
 */
export class KeptAnswers {
  readonly #folder: string
  readonly #log: Log
  readonly #now: () => number
  #kept: Map<string, Kept> | undefined
  #size = 0
  #turn: Promise<unknown> = Promise.resolve()

  constructor(stateDir: string, options: { readonly log?: Log; readonly now?: () => number } = {}) {
    this.#folder = join(stateDir, 'gateway-answers')
    this.#log = options.log ?? silentLog
    this.#now = options.now ?? Date.now
  }

  /** Keeps a JSON value under a question. */
  keep(question: string, value: object): Promise<void> {
    return this.#inTurn(async () => {
      const kept = await this.#load()
      const name = nameOf(question)
      const before = kept.get(name)
      if (before && this.#now() - before.seenAtMs < REFRESH_MS) return
      const text = JSON.stringify({ question, seenAtMs: this.#now(), value })
      if (text.length > MAX_ANSWER_SIZE) return
      await mkdir(this.#folder, { recursive: true, mode: 0o700 })
      await writeFileAtomically(join(this.#folder, name), text)
      this.#size += text.length - (before?.size ?? 0)
      kept.delete(name)
      kept.set(name, { size: text.length, seenAtMs: this.#now() })
      await this.#prune(kept)
    })
  }

  /** What was kept under a question not longer than `maxAgeMs` ago. */
  async find(question: string, maxAgeMs: number): Promise<unknown> {
    if (maxAgeMs <= 0) return undefined
    try {
      const text = await readPlainText(join(this.#folder, nameOf(question)), MAX_ANSWER_SIZE * 2)
      const stored: unknown = JSON.parse(text ?? '')
      if (!isObject(stored) || stored.question !== question || typeof stored.seenAtMs !== 'number')
        return undefined
      return this.#now() - stored.seenAtMs <= maxAgeMs ? stored.value : undefined
    } catch {
      return undefined
    }
  }

  async #load(): Promise<Map<string, Kept>> {
    if (this.#kept) return this.#kept
    const found: [string, Kept][] = []
    for (const name of await readdir(this.#folder).catch(() => [])) {
      const stats = await stat(join(this.#folder, name)).catch(() => undefined)
      if (stats) found.push([name, { size: stats.size, seenAtMs: stats.mtimeMs }])
    }
    found.sort(([, a], [, b]) => a.seenAtMs - b.seenAtMs)
    this.#kept = new Map(found)
    for (const [, { size }] of found) this.#size += size
    return this.#kept
  }

  async #prune(kept: Map<string, Kept>): Promise<void> {
    for (const [name, { size }] of kept) {
      if (kept.size <= MAX_ANSWERS && this.#size <= MAX_SIZE) return
      kept.delete(name)
      this.#size -= size
      await rm(join(this.#folder, name), { force: true })
    }
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const result = this.#turn.then(work).catch((error: unknown) => {
      this.#log.debug(`cannot keep an answer of the Hub: ${String(error)}`)
    })
    this.#turn = result
    return result
  }
}

function nameOf(question: string): string {
  return createHash('sha256').update(question).digest('hex')
}
