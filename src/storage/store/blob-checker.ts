import { delay } from '../../base/delay.ts'
import { isAbort } from '../../base/errors.ts'
import { type Log, silentLog } from '../../base/log.ts'
import type { HashFile } from '../files/hash-file.ts'
import type { BlobIndex } from './blob-index.ts'
import { nextCheck } from './next-check.ts'
import type { VerifiedFiles } from './verified-files.ts'
import type { VerifiedFact } from './verified-format.ts'

/** After a file that could not be read, so long until the next one, in ms. */
const PAUSE_AFTER_FAILURE_MS = 60_000

export interface BlobCheckerOptions {
  readonly index: BlobIndex
  readonly verified: VerifiedFiles
  /** Reads slowly, so that nothing else waits for it. */
  readonly hashFile: HashFile
  /** How long after its last check a file is read again, in ms. */
  readonly everyMs: number
  readonly log?: Log | undefined
  /** Unix time in milliseconds. @default Date.now */
  readonly now?: () => number
}

/**
 * Reads all served blobs again, one after the other, the one checked longest ago first: a disk may change bytes without
 * a sign in the file's times. A file that no longer holds its blob is taken out of service.
 */
export class BlobChecker implements AsyncDisposable {
  readonly #options: BlobCheckerOptions
  readonly #log: Log
  readonly #stop = new AbortController()
  readonly #unreadable = new Set<string>()
  readonly #running: Promise<void>

  private constructor(options: BlobCheckerOptions) {
    this.#options = options
    this.#log = options.log ?? silentLog
    this.#running = this.#run()
  }

  /** Begins to check, until it is disposed. */
  static start(options: BlobCheckerOptions): BlobChecker {
    return new BlobChecker(options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { verified, everyMs, now = Date.now } = this.#options
    const { signal } = this.#stop
    while (!signal.aborted) {
      await verified.load()
      const next = nextCheck(this.#served(), now(), everyMs)
      const rest = next.type === 'check' ? await this.#check(next.fact) : Math.max(1, Math.ceil(next.waitMs))
      await delay(rest, { signal }).catch(() => {})
    }
  }

  *#served(): Generator<VerifiedFact> {
    for (const fact of this.#options.verified.facts()) {
      if (!this.#unreadable.has(fact.path) && this.#options.index.isAt(fact.oid, fact.path)) yield fact
    }
  }

  /** Reads one file; gives how long to rest after it, in ms. */
  async #check({ path, oid }: VerifiedFact): Promise<number> {
    const { index, verified, hashFile } = this.#options
    const { signal } = this.#stop
    try {
      const outcome = await verified.verifyAnew(path, oid, hashFile, signal)
      if (outcome === 'bad') await index.condemn(path, oid)
      return 0
    } catch (error) {
      if (signal.aborted || isAbort(error)) return 0
      this.#unreadable.add(path)
      this.#log.warn(`cannot check ${path}: ${error instanceof Error ? error.message : String(error)}`)
      return PAUSE_AFTER_FAILURE_MS
    }
  }
}
