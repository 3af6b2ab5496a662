import { DfhfError } from '../base/errors.ts'
import type { HashAnswer, HashReply, HashRequest } from './hash-protocol.ts'

type Unnumbered<T> = T extends { readonly reply: number } ? Omit<T, 'reply'> : never

/** Something that a thread has to hash, and how many bytes of it are left. */
export interface HashWork {
  readonly left: number
}

interface Waiter {
  resolve(answer: HashAnswer): void
  reject(error: Error): void
}

/** A worker thread that hashes: answers one request after the other, until it ends. */
export class HashThread {
  /** What it has taken on. */
  readonly works = new Set<HashWork>()
  readonly #worker: Worker | undefined
  readonly #waiting = new Map<number, Waiter>()
  #lastReply = 0
  #wasUsed = true
  #ended: DfhfError | undefined

  /** Starts the worker; where it does not start, the thread has ended and says so to each request. */
  constructor(address: string) {
    try {
      this.#worker = this.#start(new Worker(address, { smol: true }))
    } catch (error) {
      this.end(error)
    }
  }

  get hasEnded(): boolean {
    return this.#ended !== undefined
  }

  /** Bytes that it has still to hash. */
  get load(): number {
    let bytes = 0
    for (const { left } of this.works) bytes += left
    return bytes
  }

  /** True when it was in use now or since this was asked last. */
  takeUse(): boolean {
    const isUsed = this.#wasUsed || this.works.size > 0 || this.#waiting.size > 0
    this.#wasUsed = false
    return isUsed
  }

  /** Sends a request; resolves with what was asked for. */
  ask(request: Unnumbered<HashRequest>): Promise<HashAnswer> {
    const worker = this.#worker
    if (this.#ended || !worker) return Promise.reject(this.#ended ?? endedError('it never began'))
    this.#wasUsed = true
    this.#lastReply += 1
    const reply = this.#lastReply
    return new Promise((resolve, reject) => {
      this.#waiting.set(reply, { resolve, reject })
      // A caller waits for the reply, and perhaps nothing else keeps the program from ending.
      worker.ref()
      worker.postMessage({ ...request, reply })
    })
  }

  /** Ends the worker; requests without a reply fail with the reason. */
  end(why: unknown): void {
    if (this.#ended) return
    this.#ended = endedError(why)
    this.#worker?.terminate()
    for (const waiter of this.#waiting.values()) waiter.reject(this.#ended)
    this.#waiting.clear()
  }

  #start(worker: Worker): Worker {
    worker.onmessage = (event: MessageEvent<HashReply>) => {
      const waiter = this.#waiting.get(event.data.reply)
      this.#waiting.delete(event.data.reply)
      if (this.#waiting.size === 0) worker.unref()
      if (event.data.failure === undefined) waiter?.resolve(event.data)
      else waiter?.reject(new DfhfError('disk', `cannot read back what was written: ${event.data.failure}`))
    }
    // A worker that ended sends no further reply, with an error or without.
    worker.onerror = (event) => {
      event.preventDefault()
      this.end(event.message)
    }
    worker.addEventListener('close', () => this.end('no reason was given'))
    // An idle worker must not keep the program from ending.
    worker.unref()
    return worker
  }
}

function endedError(why: unknown): DfhfError {
  const reason = (why instanceof Error ? why.message : String(why)).split('\n', 1)
  return new DfhfError('unexpected', `the thread that checks what came ended: ${reason}`, {
    hint: 'run again; allow dfhf more threads where their number is limited',
  })
}
