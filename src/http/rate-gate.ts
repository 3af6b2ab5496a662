import { BoundedMap } from '../base/bounded-map.ts'
import { DfhfError } from '../base/errors.ts'

/** Pauses after the first, second, ... refusal in a row without advice, in ms; the last one is for all further ones. */
const PAUSES_MS = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000] as const
/** A host that lets nothing through for this long, in ms, is given up. */
const PATIENCE_MS = 180_000

/** What the gate needs of its surroundings; everything has a default. */
export interface RateGateOptions {
  /** Milliseconds that only go forward. */
  readonly clock?: () => number
  /** A number from 0 up to 1. */
  readonly random?: () => number
  /** @default 180000 */
  readonly patienceMs?: number | undefined
}

/** How long a host that was given up stays so for the next callers, in ms. */
const GIVEN_UP_MS = 10_000
/** How long callers that do not wait are refused while one request probes the host, in ms. */
const PROBE_MS = 1_000

/** So many accounts and hosts are remembered; clients of a gateway may come with ever new tokens. */
const MOST_PARTIES = 1_000

/** A host that has answered 429 and let nothing through since. */
interface Limit {
  readonly since: number
  refusals: number
  pausedUntil: number
  /** True while one request probes whether others may follow. */
  isProbing: boolean
  /** Settles when anything of this has changed. */
  changed: PromiseWithResolvers<void>
  /** Why the host is given up. */
  error: DfhfError | undefined
}

/** Whose requests to which host: the Hub counts those of each account, and of each address without one, by themselves. */
export interface RateParty {
  /** Host and port. */
  readonly host: string
  /** Names the account; empty for requests without a token. */
  readonly account: string
}

/**
 * One back-off for all requests of a process and account to a host that answers 429: all wait for the same pause, then
 * one goes ahead. The pause is the one that the host asks for, or grows. A host is asked no more often when the requests
 * are for many files.
 */
export class RateGate {
  readonly #clock: () => number
  readonly #random: () => number
  readonly #patienceMs: number
  readonly #limits = new BoundedMap<string, Limit>(MOST_PARTIES, ({ changed }) => changed.resolve())

  constructor(options: RateGateOptions = {}) {
    this.#clock = options.clock ?? (() => performance.now())
    this.#random = options.random ?? Math.random
    this.#patienceMs = options.patienceMs ?? PATIENCE_MS
  }

  /** Resolves when a request may go out. Throws `rate-limited` when the host is given up meanwhile. */
  async enter(party: RateParty, signal?: AbortSignal): Promise<void> {
    const key = keyOf(party)
    for (let limit = this.#limits.get(key); limit; limit = this.#limits.get(key)) {
      signal?.throwIfAborted()
      const leftMs = this.#tryEnter(key, limit)
      if (leftMs === 0) return
      await untilChanged(limit, limit.isProbing ? undefined : leftMs, signal)
      if (limit.error) throw limit.error
    }
  }

  /** Does not wait: throws `rate-limited`, with the time left, where `enter` would. */
  enterNow(party: RateParty): void {
    const key = keyOf(party)
    const limit = this.#limits.get(key)
    const retryAfterMs = limit ? this.#tryEnter(key, limit) : 0
    if (retryAfterMs > 0)
      throw new DfhfError('rate-limited', `${party.host} limits requests`, { retryable: true, retryAfterMs })
  }

  /** The host answered with something else than 429: requests flow again. */
  passed(party: RateParty): void {
    const key = keyOf(party)
    const limit = this.#limits.get(key)
    if (!limit) return
    this.#limits.delete(key)
    limit.changed.resolve()
  }

  /** No response came: another request may probe the host. */
  failed(party: RateParty): void {
    const limit = this.#limits.get(keyOf(party))
    if (!limit) return
    limit.isProbing = false
    change(limit)
  }

  /**
   * The host answered 429, perhaps with the pause that it asks for, in ms. Gives the pause that is to be kept; throws
   * `rate-limited` when the host is given up.
   */
  refused(party: RateParty, adviceMs: number | undefined): number {
    const now = this.#clock()
    const key = keyOf(party)
    const limit = this.#limits.get(key) ?? begin(now)
    this.#limits.set(key, limit)
    // Refusals of requests that were on their way when the first was refused tell nothing new, unless they bring advice.
    const isNew = now >= limit.pausedUntil
    if (isNew) {
      limit.refusals += 1
      limit.isProbing = false
    }
    const pauseMs = adviceMs ?? (isNew ? this.#pauseAfter(limit.refusals) : 0)
    limit.pausedUntil = Math.max(limit.pausedUntil, now + pauseMs)
    const waitedMs = now - limit.since
    if (waitedMs >= Math.max(this.#patienceMs, 2 * (adviceMs ?? 0))) {
      limit.error = gaveUp(party.host, waitedMs)
      limit.pausedUntil = now + GIVEN_UP_MS
    }
    change(limit)
    if (limit.error) throw limit.error
    return Math.round(limit.pausedUntil - now)
  }

  /** 0 when a request may go out, else the milliseconds until it is worth asking again. */
  #tryEnter(key: string, limit: Limit): number {
    const leftMs = limit.pausedUntil - this.#clock()
    if (leftMs > 0) {
      if (limit.error) throw limit.error
      return leftMs
    }
    if (limit.error) {
      this.#limits.delete(key)
      return 0
    }
    if (limit.isProbing) return PROBE_MS
    limit.isProbing = true
    return 0
  }

  #pauseAfter(refusals: number): number {
    const pauseMs = PAUSES_MS[Math.min(refusals, PAUSES_MS.length) - 1] ?? 0
    return pauseMs * (0.75 + this.#random() / 2)
  }
}

function keyOf({ host, account }: RateParty): string {
  return `${host} ${account}`
}

function begin(now: number): Limit {
  return {
    since: now,
    refusals: 0,
    pausedUntil: Number.NEGATIVE_INFINITY,
    isProbing: false,
    changed: Promise.withResolvers(),
    error: undefined,
  }
}

function change(limit: Limit): void {
  const { changed } = limit
  limit.changed = Promise.withResolvers()
  changed.resolve()
}

async function untilChanged(limit: Limit, ms: number | undefined, signal?: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const timer = ms === undefined ? undefined : setTimeout(resolve, ms)
  const onAbort = () => reject(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    await Promise.race([promise, limit.changed.promise])
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}

function gaveUp(host: string, waitedMs: number): DfhfError {
  const seconds = Math.round(waitedMs / 1000)
  return new DfhfError('rate-limited', `${host} limits requests and let none through for ${seconds} s`, {
    hint: 'try again later, or send a token: accounts have larger limits',
  })
}
