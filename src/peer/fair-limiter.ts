import { BoundedMap } from '../base/bounded-map.ts'

/** How far ahead of the average a burst may run, in ms. */
const BURST_MS = 250
/** So many parties are remembered. */
const MOST_PARTIES = 1_000

interface Waiter {
  readonly bytes: number
  readonly pass: () => void
}

/**
 * Keeps bytes under an average rate, and gives all parties that want some an equal share of it, however many requests
 * each has open: start-time fair queuing, by bytes.
 */
export class FairLimiter {
  readonly #bytesPerMs: number
  readonly #clock: () => number
  readonly #waiting = new Map<string, Waiter[]>()
  /** How far each party has come, in bytes of its share. */
  readonly #reached = new BoundedMap<string, number>(MOST_PARTIES)
  /** Where a party begins that wanted nothing before. */
  #now = 0
  /** Whose turn it is; passes when it is paid for. */
  #head: Waiter | undefined
  /** When the bytes that passed so far, and those of the head, would have passed at the allowed rate. */
  #paidUntil = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined

  constructor(bytesPerSecond: number, clock: () => number = () => performance.now()) {
    this.#bytesPerMs = bytesPerSecond / 1000
    this.#clock = clock
  }

  /** Resolves when it is the party's turn to send `bytes` more. */
  async take(bytes: number, party: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiter = { bytes, pass: resolve }
    const queue = this.#waiting.get(party) ?? []
    this.#waiting.set(party, queue)
    queue.push(waiter)
    const giveUp = () => {
      this.#drop(party, waiter)
      if (this.#head === waiter) {
        this.#head = undefined
        this.#paidUntil -= bytes / this.#bytesPerMs
        this.pump()
      }
      reject(signal.reason)
    }
    signal.addEventListener('abort', giveUp, { once: true })
    this.pump()
    try {
      await promise
    } finally {
      signal.removeEventListener('abort', giveUp)
    }
  }

  /** Lets pass what the rate allows now, and comes back for the rest. */
  pump(): void {
    clearTimeout(this.#timer)
    for (;;) {
      const now = this.#clock()
      if (this.#head && this.#paidUntil > now) {
        this.#timer = setTimeout(() => this.pump(), this.#paidUntil - now)
        return
      }
      this.#head?.pass()
      this.#head = undefined
      const next = this.#next()
      if (!next) return
      const { party, waiter, start } = next
      this.#drop(party, waiter)
      this.#now = start
      this.#reached.set(party, start + waiter.bytes)
      this.#paidUntil = Math.max(this.#paidUntil, now - BURST_MS) + waiter.bytes / this.#bytesPerMs
      this.#head = waiter
    }
  }

  /** The first waiter of the party that has come the least far. */
  #next(): { readonly party: string; readonly waiter: Waiter; readonly start: number } | undefined {
    let next: { readonly party: string; readonly waiter: Waiter; readonly start: number } | undefined
    for (const [party, [waiter]] of this.#waiting) {
      const start = Math.max(this.#now, this.#reached.get(party) ?? 0)
      if (waiter && (!next || start < next.start)) next = { party, waiter, start }
    }
    return next
  }

  #drop(party: string, waiter: Waiter): void {
    const left = this.#waiting.get(party)?.filter((each) => each !== waiter) ?? []
    if (left.length > 0) this.#waiting.set(party, left)
    else this.#waiting.delete(party)
  }
}
