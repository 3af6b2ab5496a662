import { BoundedMap } from '../base/bounded-map.ts'
import { DfhfError } from '../base/errors.ts'
import { Listeners } from '../base/listeners.ts'

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

/**
 * How long requests are held at the most because a peer says that a host limits them, in ms, how long they then wait for
 * the first of them to be answered, and how often that may be for one host and budget. What peers say cannot be checked,
 * so all of it must be small beside what a download may take longer among peers that lie.
 */
const LONGEST_HOLD_MS = 2_000
const HELD_PROBE_MS = 1_000
const HOLD_EVERY_MS = 60_000

/** So many accounts and hosts are remembered; clients of a gateway may come with ever new tokens. */
const MOST_PARTIES = 1_000

/** A host that has answered 429 and let nothing through since. */
interface Limit {
  readonly party: RateParty
  readonly since: number
  refusals: number
  pausedUntil: number
  /** True while one request probes whether others may follow. */
  isProbing: boolean
  /** Settles when anything of this has changed. */
  changed: PromiseWithResolvers<void>
  /** Why the host is given up. */
  error: DfhfError | undefined
  /** When requests flow again though none was answered, of a limit that a peer alone told of. */
  readonly openAt: number
}

/** Requests that a peer says are limited. */
interface Hold {
  readonly until: number
  /** From when on another such word counts. */
  readonly nextAt: number
}

/** Whose requests to which host: the Hub counts those of each account, and of each address without one, by themselves. */
export interface RateParty {
  /** Host and port. */
  readonly host: string
  /** Names the account; empty for requests without a token. */
  readonly account: string
  /** Names what the host counts by itself among these requests. @default empty */
  readonly budget?: string
}

/** A limit that holds for every account, or for requests without one, as others are told of it. */
export interface SharedLimit {
  readonly host: string
  readonly budget: string
  readonly hasAccount: boolean
  /** How long requests are held for it, in ms. */
  readonly forMs: number
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
  readonly #holds = new BoundedMap<string, Hold>(MOST_PARTIES)
  readonly #listeners = new Listeners()

  constructor(options: RateGateOptions = {}) {
    this.#clock = options.clock ?? (() => performance.now())
    this.#random = options.random ?? Math.random
    this.#patienceMs = options.patienceMs ?? PATIENCE_MS
  }

  /** Resolves when a request may go out. Throws `rate-limited` when the host is given up meanwhile. */
  async enter(party: RateParty, signal?: AbortSignal): Promise<void> {
    await this.#waitWhile(party, () => true, signal)
  }

  /** Resolves when no peer's word holds the request any more; the host's own does not count. */
  async passHearsay(party: RateParty, signal?: AbortSignal): Promise<void> {
    await this.#waitWhile(party, isHearsay, signal)
  }

  /** Does not wait: throws `rate-limited`, with the time left, while the host's own word holds. */
  enterNow(party: RateParty): void {
    const key = keyOf(party)
    const limit = this.#limits.get(key)
    const retryAfterMs = limit && !isHearsay(limit) ? this.#tryEnter(key, limit) : 0
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
    const known = this.#limits.get(key)
    // From the first refusal on a limit that a peer told of is this process's own.
    const limit = known && !isHearsay(known) ? known : begin(party, now)
    if (known !== limit) known?.changed.resolve()
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
    if (isNew) this.#listeners.tell()
    return Math.round(limit.pausedUntil - now)
  }

  /** Calls `listener` after each refusal that tells something new. */
  onLimit(listener: () => void): void {
    this.#listeners.add(listener)
  }

  /** The limits that hosts told this process of, for others that may be counted with it. */
  limits(): SharedLimit[] {
    const now = this.#clock()
    const shared = new Map<string, SharedLimit>()
    for (const each of this.#limits.values()) {
      const { party, pausedUntil, error } = each
      const kind = kindOf(party)
      const key = holdKeyOf(kind)
      const forMs = pausedUntil - now
      if (forMs <= 0 || error || isHearsay(each)) continue
      if (forMs > (shared.get(key)?.forMs ?? 0)) shared.set(key, { ...kind, forMs })
    }
    return [...shared.values()]
  }

  /**
   * A peer says that a host limits requests. They are held for a part of that time, drawn at random so that peers do not
   * all ask at once, and then one goes ahead: where the host refuses it this process knows by itself, else all flow.
   */
  toldOf(limit: SharedLimit): void {
    const now = this.#clock()
    const key = holdKeyOf(limit)
    if (now < (this.#holds.get(key)?.nextAt ?? 0)) return
    const longestMs = Math.min(limit.forMs, LONGEST_HOLD_MS)
    const until = now + longestMs * (0.25 + 0.75 * this.#random())
    this.#holds.set(key, { until, nextAt: now + HOLD_EVERY_MS })
  }

  async #waitWhile(party: RateParty, counts: (limit: Limit) => boolean, signal?: AbortSignal): Promise<void> {
    const key = keyOf(party)
    this.#hold(party)
    for (let limit = this.#limits.get(key); limit && counts(limit); limit = this.#limits.get(key)) {
      signal?.throwIfAborted()
      const leftMs = this.#tryEnter(key, limit)
      if (leftMs === 0) return
      await untilChanged(limit, limit.isProbing ? this.#opensIn(limit) : leftMs, signal)
      if (limit.error) throw limit.error
    }
  }

  /** Applies what a peer told of to a party that the host did not refuse itself. */
  #hold(party: RateParty): void {
    const now = this.#clock()
    const until = this.#holds.get(holdKeyOf(kindOf(party)))?.until ?? 0
    const key = keyOf(party)
    if (now >= until || this.#limits.has(key)) return
    this.#limits.set(key, { ...begin(party, now), pausedUntil: until, openAt: until + HELD_PROBE_MS })
  }

  /** 0 when a request may go out, else the milliseconds until it is worth asking again. */
  #tryEnter(key: string, limit: Limit): number {
    const leftMs = limit.pausedUntil - this.#clock()
    if (leftMs > 0) {
      if (limit.error) throw limit.error
      return leftMs
    }
    if (limit.error || this.#clock() >= limit.openAt) {
      this.#limits.delete(key)
      limit.changed.resolve()
      return 0
    }
    if (limit.isProbing) return PROBE_MS
    limit.isProbing = true
    return 0
  }

  /** Milliseconds until requests flow without the answer to the one that went ahead; undefined where they do not. */
  #opensIn(limit: Limit): number | undefined {
    return isHearsay(limit) ? Math.max(0, limit.openAt - this.#clock()) : undefined
  }

  #pauseAfter(refusals: number): number {
    const pauseMs = PAUSES_MS[Math.min(refusals, PAUSES_MS.length) - 1] ?? 0
    return pauseMs * (0.75 + this.#random() / 2)
  }
}

/** True for a limit that a peer alone told of. */
function isHearsay({ openAt }: Limit): boolean {
  return openAt < Number.POSITIVE_INFINITY
}

function keyOf({ host, account, budget = '' }: RateParty): string {
  return `${host} ${budget} ${account}`
}

/** Which of the requests that others may be counted with these are. */
function kindOf({ host, budget = '', account }: RateParty): Omit<SharedLimit, 'forMs'> {
  return { host, budget, hasAccount: account !== '' }
}

function holdKeyOf({ host, budget, hasAccount }: Omit<SharedLimit, 'forMs'>): string {
  return `${host} ${budget} ${hasAccount}`
}

function begin(party: RateParty, now: number): Limit {
  return {
    party,
    since: now,
    refusals: 0,
    pausedUntil: Number.NEGATIVE_INFINITY,
    isProbing: false,
    changed: Promise.withResolvers(),
    error: undefined,
    openAt: Number.POSITIVE_INFINITY,
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
