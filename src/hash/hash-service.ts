import { readFile } from 'node:fs/promises'
import { DfhfError } from '../base/errors.ts'
import { createOidHasher } from '../blob/digest.ts'
import type { Oid } from '../blob/oid.ts'
import type { ByteRange } from '../blob/pieces.ts'
import type { HashReply, HashRequest } from './hash-protocol.ts'

/** Defined by the build alone. */
declare const DFHF_VERSION: string | undefined

type Unnumbered<T> = T extends { readonly reply: number } ? Omit<T, 'reply'> : never

interface Waiter {
  resolve(digest: string | undefined): void
  reject(error: Error): void
}

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

/** How far the prefix must grow before the worker is told: waking it for every piece costs both threads time. */
const STEP_SIZE = 2 ** 22

/** Blobs up to this size are hashed on the main thread: in less time than it takes to start the worker. */
const SMALL_SIZE = 2 ** 21

/**
 * Hashes files on a worker thread that starts with the first need, so that neither sockets nor writes wait
 * for sha256. One worker does about 1.7 GB/s with the CPU's SHA instructions.
 */
export class HashService implements Disposable {
  #worker: Worker | undefined
  #lastReply = 0
  #lastTask = 0
  readonly #waiting = new Map<number, Waiter>()
  readonly #address: string

  /** With another worker than the program's own only for tests. */
  constructor(address = workerAddress()) {
    this.#address = address
  }

  /** Begins to hash a blob that grows at `path`. */
  follow(path: string, oid: Oid, size: number): PrefixHash {
    if (size <= SMALL_SIZE) return hashAtOnce(path, oid, size)
    this.#lastTask += 1
    const task = this.#lastTask
    let failure: unknown
    let told = 0
    const send = (request: Unnumbered<HashRequest>) => {
      this.#ask(request).catch((error: unknown) => {
        failure ??= error
      })
    }
    const restart = () => {
      told = 0
      send({ type: 'open', task, path, oid, size })
    }
    restart()
    return {
      restart,
      advance(end) {
        if (end - told < STEP_SIZE) return
        told = end
        send({ type: 'advance', task, end })
      },
      finish: async () => {
        // Until it is restarted there is nothing that could advance.
        told = Number.POSITIVE_INFINITY
        const digest = await this.#ask({ type: 'finish', task, end: size })
        if (failure !== undefined) throw failure
        return digest ?? ''
      },
      close: () => send({ type: 'close', task }),
    }
  }

  /** The sha256 of a range of a file, in hex. */
  async digestOf(path: string, range: ByteRange): Promise<string> {
    return (await this.#ask({ type: 'digest', path, start: range.start, end: range.end })) ?? ''
  }

  /** True when the file at `path` holds exactly the blob `oid`. */
  async matches(path: string, oid: Oid, size: number): Promise<boolean> {
    return (await this.follow(path, oid, size).finish()) === oid
  }

  [Symbol.dispose](): void {
    this.#end('dfhf stops')
  }

  async #ask(request: Unnumbered<HashRequest>): Promise<string | undefined> {
    this.#worker ??= this.#start()
    const worker = this.#worker
    this.#lastReply += 1
    const reply = this.#lastReply
    return new Promise((resolve, reject) => {
      this.#waiting.set(reply, { resolve, reject })
      // A caller waits for the reply, and perhaps nothing else keeps the program from ending.
      worker.ref()
      worker.postMessage({ ...request, reply })
    })
  }

  #start(): Worker {
    const worker = this.#open()
    worker.onmessage = (event: MessageEvent<HashReply>) => {
      const waiter = this.#waiting.get(event.data.reply)
      this.#waiting.delete(event.data.reply)
      if (this.#waiting.size === 0) worker.unref()
      if (event.data.failure === undefined) waiter?.resolve(event.data.digest)
      else waiter?.reject(new DfhfError('disk', `cannot read back what was written: ${event.data.failure}`))
    }
    // A worker that ended sends no further reply, with an error or without; the next request starts another.
    const ended = (why: string) => {
      if (this.#worker === worker) this.#end(why)
    }
    worker.onerror = (event) => {
      event.preventDefault()
      ended(event.message)
    }
    worker.addEventListener('close', () => ended('no reason was given'))
    // An idle worker must not keep the program from ending.
    worker.unref()
    return worker
  }

  #open(): Worker {
    try {
      return new Worker(this.#address, { smol: true })
    } catch (error) {
      throw endedError(error)
    }
  }

  #end(why: string): void {
    const worker = this.#worker
    this.#worker = undefined
    worker?.terminate()
    for (const waiter of this.#waiting.values()) waiter.reject(endedError(why))
    this.#waiting.clear()
  }
}

function endedError(why: unknown): DfhfError {
  const reason = (why instanceof Error ? why.message : String(why)).split('\n', 1)
  return new DfhfError('unexpected', `the thread that checks what came ended: ${reason}`, {
    hint: 'run again; allow dfhf more threads where their number is limited',
  })
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
