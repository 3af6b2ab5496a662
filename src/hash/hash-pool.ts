import { availableParallelism } from 'node:os'
import { HashThread } from './hash-thread.ts'

/** More threads than this hash faster than any network or disk brings bytes. */
const MOST_THREADS = 4

/** Bytes that a thread has still to hash before another one is worth its memory: what it hashes in 40 ms. */
const WORTH_A_THREAD = 2 ** 26

/** A thread that had nothing to do for this long, or up to twice as long, ends; in ms. */
const REST_MS = 10_000

/** What the threads are and how many there may be. */
export interface HashPoolOptions {
  /** The worker's file. */
  readonly address: string
  /** @default the cores of this process, four at the most */
  readonly mostThreads?: number | undefined
  /** @default 10000 */
  readonly restMs?: number | undefined
}

/** The hash threads of a process: started when there is work for them, ended when there is none. */
export class HashPool implements Disposable {
  readonly #options: HashPoolOptions
  readonly #mostThreads: number
  #threads: readonly HashThread[] = []
  #resting: NodeJS.Timeout | undefined

  constructor(options: HashPoolOptions) {
    this.#options = options
    this.#mostThreads = options.mostThreads ?? Math.min(MOST_THREADS, availableParallelism())
  }

  /** Threads that run now. */
  get size(): number {
    return this.#live().length
  }

  /** The thread for a blob, which stays on it: a new one only while all others have much to do. */
  threadForBlob(): HashThread {
    const thread = this.#leastBusy()
    const isEnough = thread && (thread.load < WORTH_A_THREAD || this.size >= this.#mostThreads)
    return isEnough ? thread : this.#start()
  }

  /** The thread for a piece; none is started for it while there is one. */
  threadForPiece(): HashThread {
    return this.#leastBusy() ?? this.#start()
  }

  [Symbol.dispose](): void {
    clearInterval(this.#resting)
    for (const thread of this.#threads) thread.end('dfhf stops')
    this.#threads = []
  }

  /** The first of those that have least to do, so that the others come to rest. */
  #leastBusy(): HashThread | undefined {
    return this.#live().reduce<HashThread | undefined>(
      (least, thread) => (least && least.load <= thread.load ? least : thread),
      undefined,
    )
  }

  #live(): readonly HashThread[] {
    this.#threads = this.#threads.filter(({ hasEnded }) => !hasEnded)
    return this.#threads
  }

  #start(): HashThread {
    const { address, restMs = REST_MS } = this.#options
    const thread = new HashThread(address)
    this.#threads = [...this.#live(), thread]
    this.#resting ??= setInterval(() => this.#endUnused(), restMs).unref()
    return thread
  }

  #endUnused(): void {
    for (const thread of this.#threads) if (!thread.takeUse()) thread.end('it had nothing to do')
    if (this.#live().length > 0) return
    clearInterval(this.#resting)
    this.#resting = undefined
  }
}
