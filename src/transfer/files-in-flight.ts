import { ConnectionLimit } from '../schedule/connection-limit.ts'
import { FIRST_SMALL_FILES, SMALL_FILES_WINDOW_MS } from '../schedule/tuning.ts'

/** What a crowd of files is let in by. */
export interface FilesInFlightOptions<T> {
  /** Does what is to be done with a file. */
  readonly work: (file: T) => Promise<void>
  /** True for a file that takes one request. */
  readonly isSmall: (file: T) => boolean
  /** Small files at once at the most, and of all others. */
  readonly mostSmall: number
  readonly mostOthers: number
  /** True while the Hub wants fewer requests. @default never */
  readonly isHeldBack?: () => boolean
  /** How many requests the Hub says it will still take; undefined where it does not say. @default never */
  readonly requestsLeft?: () => number | undefined
  /** Milliseconds that only go forward. */
  readonly clock?: () => number
}

/**
 * Works through many files, several at a time: of small ones, whose time is mostly waiting for answers, ever more while
 * that brings more files a second, and of others a fixed number. These wait for the small ones that are known: a single
 * one can use all connections.
 */
export class FilesInFlight<T extends object> {
  readonly #options: FilesInFlightOptions<T>
  readonly #limit: ConnectionLimit
  readonly #clock: () => number
  readonly #end = Promise.withResolvers<void>()
  /** What waits, the next one last: so no list holds a file for longer than it is worked on. */
  #small: T[] = []
  #others: T[] = []
  #smallActive = 0
  #othersActive = 0
  #isEnding = false
  #done = 0
  #windowStart: number
  /** True once in this window fewer files were in flight than might be. */
  #wasIdle = false

  constructor(options: FilesInFlightOptions<T>) {
    this.#options = options
    this.#limit = new ConnectionLimit({ max: options.mostSmall, start: FIRST_SMALL_FILES })
    this.#clock = options.clock ?? (() => performance.now())
    this.#windowStart = this.#clock()
    // A failure may come before anything waits for the end.
    this.#end.promise.catch(() => {})
  }

  /** Small files that may be in flight now. */
  get limit(): number {
    const left = this.#options.requestsLeft?.() ?? Number.POSITIVE_INFINITY
    return Math.min(this.#limit.limit, Math.max(1, left))
  }

  /** Takes more files, which come in this order after those that were added before. */
  add(files: readonly T[]): void {
    const reversed = files.toReversed()
    this.#small = reversed.filter(this.#options.isSmall).concat(this.#small)
    this.#others = reversed.filter((file) => !this.#options.isSmall(file)).concat(this.#others)
    this.#admit()
  }

  /** Resolves when all is done, and rejects with the first failure; nothing can be added any more. */
  end(): Promise<void> {
    this.#isEnding = true
    this.#admit()
    return this.#end.promise
  }

  #admit(): void {
    while (this.#small.length > 0 && this.#smallActive < this.limit) this.#begin(this.#small.pop(), true)
    if (this.#small.length > 0) return
    this.#wasIdle = true
    while (this.#others.length > 0 && this.#smallActive + this.#othersActive < this.#options.mostOthers)
      this.#begin(this.#others.pop(), false)
    if (this.#isEnding && this.#smallActive + this.#othersActive === 0) this.#end.resolve()
  }

  #begin(file: T | undefined, isSmall: boolean): void {
    if (file === undefined) return
    if (isSmall) this.#smallActive += 1
    else this.#othersActive += 1
    const leave = () => {
      if (isSmall) this.#smallActive -= 1
      else this.#othersActive -= 1
      this.#count()
    }
    const ended = () => {
      leave()
      this.#admit()
    }
    const failed = (error: unknown) => {
      leave()
      this.#end.reject(error)
    }
    this.#options.work(file).then(ended, failed)
  }

  #count(): void {
    this.#done += 1
    const now = this.#clock()
    const elapsed = now - this.#windowStart
    if (elapsed < SMALL_FILES_WINDOW_MS) return
    if (this.#options.isHeldBack?.()) {
      if (!this.#limit.isCalm(now)) this.#limit.congested(now)
    } else if (this.#wasIdle) this.#limit.unsettle(now)
    else this.#limit.sample(this.#done / elapsed, now)
    this.#windowStart = now
    this.#done = 0
    this.#wasIdle = false
  }
}
