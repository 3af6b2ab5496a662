import { readFile } from 'node:fs/promises'
import { createOidHasher } from '../blob/digest.ts'
import type { Oid } from '../blob/oid.ts'
import type { ByteRange } from '../blob/pieces.ts'
import { HashPool } from './hash-pool.ts'
import type { HashAnswer, HashRequest } from './hash-protocol.ts'
import type { HashThread, HashWork } from './hash-thread.ts'

/** Defined by the build alone. */
declare const DFHF_VERSION: string | undefined

type OpenRequest = Omit<Extract<HashRequest, { readonly type: 'open' }>, 'reply'>

/** Follows one blob's contiguous prefix with its hash, away from the main thread. */
export interface PrefixHash {
  /** Says that the first `end` bytes are in the file now. Returns at once. */
  advance(end: number): void
  /** Starts again from the first byte, because bytes that were hashed have changed. */
  restart(): void
  /** Hashes what is left up to the blob's size and gives the digest in hex. */
  finish(): Promise<string>
  close(): void
}

/** Whether a file holds its blob. */
interface Verdict {
  readonly isRight: boolean
  /** What its pieces add up to, see PieceSums; empty for a small blob. */
  readonly sums: ReadonlyMap<number, number>
}

/** How far the prefix must grow before the worker is told: waking it for every piece costs both threads time. */
const STEP_SIZE = 2 ** 22

/** Blobs up to this size are hashed on the main thread: in less time than it takes to start the worker. */
const SMALL_SIZE = 2 ** 21

/**
 * Hashes files on worker threads that start with the need for them, so that neither sockets nor writes wait for sha256.
 * One thread does about 1.7 GB/s with the CPU's SHA instructions; blobs are spread over several, each on one of them.
 */
export class HashService implements Disposable {
  readonly #pool: HashPool
  #lastTask = 0

  /** With other threads than the program's own only for tests. */
  constructor(pool = new HashPool({ address: workerAddress() })) {
    this.#pool = pool
  }

  /** Begins to hash a blob that grows at `path`. */
  follow(path: string, oid: Oid, size: number): PrefixHash {
    if (size <= SMALL_SIZE) return hashAtOnce(path, oid, size)
    return this.#open({ path, oid, size, withSums: false })
  }

  /** The sha256 of a range of a file, in hex. */
  async digestOf(path: string, { start, end }: ByteRange): Promise<string> {
    const thread = this.#pool.threadForPiece()
    const work = { left: end - start }
    thread.works.add(work)
    try {
      return (await thread.ask({ type: 'digest', path, start, end })).digest ?? ''
    } finally {
      thread.works.delete(work)
    }
  }

  /** True when the file at `path` holds exactly the blob `oid`. */
  async matches(path: string, oid: Oid, size: number): Promise<boolean> {
    return (await this.follow(path, oid, size).finish()) === oid
  }

  /** The same, with the sums of the pieces that it read. */
  async check(path: string, oid: Oid, size: number): Promise<Verdict> {
    if (size <= SMALL_SIZE) return { isRight: await this.matches(path, oid, size), sums: new Map() }
    const { digest, sums = new Map() } = await this.#open({ path, oid, size, withSums: true }).end()
    return { isRight: digest === oid, sums }
  }

  [Symbol.dispose](): void {
    this.#pool[Symbol.dispose]()
  }

  #open(blob: Omit<OpenRequest, 'type' | 'task'>): FollowedBlob {
    this.#lastTask += 1
    return new FollowedBlob(this.#pool, { type: 'open', task: this.#lastTask, ...blob })
  }
}

/** A blob on one of the threads. */
class FollowedBlob implements PrefixHash, HashWork {
  readonly #pool: HashPool
  readonly #opening: OpenRequest
  #thread: HashThread
  #failure: unknown
  #told = 0
  #hashed = 0

  constructor(pool: HashPool, opening: OpenRequest) {
    this.#pool = pool
    this.#opening = opening
    this.#thread = pool.threadForBlob()
    this.restart()
  }

  get left(): number {
    return this.#opening.size - this.#hashed
  }

  restart(): void {
    if (this.#thread.hasEnded) this.#thread = this.#pool.threadForBlob()
    this.#thread.works.add(this)
    this.#told = 0
    this.#hashed = 0
    void this.#send(this.#opening)
  }

  advance(end: number): void {
    if (end - this.#told < STEP_SIZE) return
    this.#told = end
    void this.#advance(end)
  }

  async finish(): Promise<string> {
    return (await this.end()).digest ?? ''
  }

  /** The same, with the sums where they were asked for. */
  async end(): Promise<HashAnswer> {
    const { task, size } = this.#opening
    // Until it is restarted there is nothing that could advance.
    this.#told = Number.POSITIVE_INFINITY
    try {
      const answer = await this.#thread.ask({ type: 'finish', task, end: size })
      if (this.#failure !== undefined) throw this.#failure
      return answer
    } catch (error) {
      // What failed first says why the rest did.
      throw this.#failure ?? error
    } finally {
      this.#thread.works.delete(this)
    }
  }

  close(): void {
    this.#thread.works.delete(this)
    void this.#send({ type: 'close', task: this.#opening.task })
  }

  async #advance(end: number): Promise<void> {
    await this.#send({ type: 'advance', task: this.#opening.task, end })
    this.#hashed = Math.max(this.#hashed, end)
  }

  async #send(request: Parameters<HashThread['ask']>[0]): Promise<void> {
    try {
      await this.#thread.ask(request)
    } catch (error) {
      this.#failure ??= error
    }
  }
}

/**
 * In the compiled program the worker is named by its path in the project, from source by its own address. That the build
 * defines a constant is the one sign of being compiled: bytecode keeps the `import.meta.url` of the build machine.
 */
function workerAddress(): string {
  const isCompiled = typeof DFHF_VERSION === 'string'
  return isCompiled ? './src/hash/hash-worker.ts' : new URL('./hash-worker.ts', import.meta.url).href
}

function hashAtOnce(path: string, oid: Oid, size: number): PrefixHash {
  return {
    advance() {},
    restart() {},
    close() {},
    async finish() {
      const hasher = createOidHasher(oid, size)
      hasher.update(await readFile(path))
      return hasher.digest()
    },
  }
}
