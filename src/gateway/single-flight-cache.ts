import { BoundedMap } from '../base/bounded-map.ts'

interface Entry<T> {
  readonly answer: Promise<T>
  goodUntil: number
}

/** How often entries that no longer count are removed, in ms. */
const SWEEP_MS = 10_000

/** Remembers answers for a short while, and lets callers that ask the same at once share one question. */
export class SingleFlightCache<T> {
  /** An entry may go for want of room: its callers hold its promise. */
  readonly #entries: BoundedMap<string, Entry<T>>
  readonly #now: () => number
  #sweep: NodeJS.Timeout | undefined

  constructor(options: { readonly size: number; readonly now?: () => number }) {
    this.#entries = new BoundedMap(options.size)
    this.#now = options.now ?? (() => performance.now())
  }

  /** The remembered answer, the one that is being asked for, or a new one; `keepMs` says how long it counts. */
  get(key: string, ask: () => Promise<T>, keepMs: (answer: T) => number): Promise<T> {
    const known = this.#entries.get(key)
    if (known && this.#now() < known.goodUntil) return known.answer
    const entry: Entry<T> = { answer: ask(), goodUntil: Number.POSITIVE_INFINITY }
    this.#entries.set(key, entry)
    this.#sweep ??= setInterval(() => this.#forgetOld(), SWEEP_MS).unref()
    const forget = () => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key)
    }
    entry.answer.then((answer) => {
      const ms = keepMs(answer)
      entry.goodUntil = this.#now() + ms
      if (ms <= 0) forget()
    }, forget)
    return entry.answer
  }

  #forgetOld(): void {
    for (const [key, { goodUntil }] of this.#entries) if (goodUntil <= this.#now()) this.#entries.delete(key)
    if (this.#entries.size > 0) return
    clearInterval(this.#sweep)
    this.#sweep = undefined
  }
}
