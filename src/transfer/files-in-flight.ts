import { ConnectionLimit } from '../schedule/connection-limit.ts'
import { FIRST_SMALL_FILES, SMALL_FILES_WINDOW_MS } from '../schedule/tuning.ts'

/** What a crowd of files is let in by. */
export interface FilesInFlightOptions {
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
 * that brings more files a second, and of others a fixed number.
 */
export class FilesInFlight {
  readonly #limit: ConnectionLimit
  readonly #mostOthers: number
  readonly #isHeldBack: () => boolean
  readonly #requestsLeft: () => number | undefined
  readonly #clock: () => number
  #active = 0
  #done = 0
  #windowStart: number
  /** True once in this window fewer files were in flight than might be. */
  #wasIdle = false

  constructor({ mostSmall, mostOthers, isHeldBack, requestsLeft, clock }: FilesInFlightOptions) {
    this.#limit = new ConnectionLimit({ max: mostSmall, start: FIRST_SMALL_FILES })
    this.#mostOthers = mostOthers
    this.#isHeldBack = isHeldBack ?? (() => false)
    this.#requestsLeft = requestsLeft ?? (() => undefined)
    this.#clock = clock ?? (() => performance.now())
    this.#windowStart = this.#clock()
  }

  /** Files that may be in flight now, while the next one is small. */
  get limit(): number {
    return Math.min(this.#limit.limit, Math.max(1, this.#requestsLeft() ?? Number.POSITIVE_INFINITY))
  }

  /** Does `work` with each item, in their order; resolves when all of it is done, and rejects with the first failure. */
  each<T>(
    items: Iterable<T>,
    work: (item: T) => Promise<void>,
    isSmall: (item: T) => boolean,
  ): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const rest = items[Symbol.iterator]()
    let next = rest.next()
    const admit = () => {
      while (!next.done && this.#active < (isSmall(next.value) ? this.limit : this.#mostOthers)) {
        this.#active += 1
        work(next.value).then(ended, failed)
        next = rest.next()
      }
      if (next.done) this.#wasIdle = true
      if (next.done && this.#active === 0) resolve()
    }
    const leave = () => {
      this.#active -= 1
      this.#count()
    }
    const ended = () => {
      leave()
      admit()
    }
    const failed = (error: unknown) => {
      leave()
      reject(error)
    }
    admit()
    return promise
  }

  #count(): void {
    this.#done += 1
    const now = this.#clock()
    const elapsed = now - this.#windowStart
    if (elapsed < SMALL_FILES_WINDOW_MS) return
    if (this.#isHeldBack()) {
      if (!this.#limit.isCalm(now)) this.#limit.congested(now)
    } else if (this.#wasIdle) this.#limit.unsettle(now)
    else this.#limit.sample(this.#done / elapsed, now)
    this.#windowStart = now
    this.#done = 0
    this.#wasIdle = false
  }
}
