import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { delay } from '../../base/delay.ts'
import { DfhfError } from '../../base/errors.ts'
import { type Log, silentLog } from '../../base/log.ts'
import { Semaphore } from '../../base/semaphore.ts'
import { HEARTBEAT_MS } from '../membership/membership-options.ts'
import { toAuthority } from '../protocol/peer-info.ts'
import { PEER_PORT } from '../protocol/peer-port.ts'

/** How long seeds may take to answer, in ms, before a search goes on without them. */
export const SEEDS_ANSWER_MS = 100

/** A peer address given by hand. */
export interface Seed {
  readonly host: string
  readonly port: number
}

const MAX_ADDRESSES_OF_NAME = 256
const MAX_TRIES_AT_ONCE = 16
/** How often a name is looked up again while a peer is known at one of its addresses. */
const RESOLVE_EVERY_MS = 30_000
/**
 * While none is, it is looked up after these pauses, in ms: the hosts of a cluster that starts get their names one after
 * the other, and one that saw too few of them fetched its own copy from the Hub (2.35 copies for three pods).
 */
const SEARCH_EVERY_MS = [1_000, 1_000, 2_000, 4_000, 8_000, 16_000]
/** Seeds and their users often start together, so the first tries follow one another quickly, after these pauses in ms. */
const FIRST_PAUSES_MS = [100, 200, 300, 500, 1000]

/** Once none of the seeds has answered for so long, in ms, it is told: they may be misspelt, or behind a firewall. */
const SILENCE_TOLD_MS = 15_000
/** No more seeds than these are named then. */
const MOST_NAMED = 3

/** Reads `host`, `host:port` or `[address]:port`, several separated by commas; throws `usage`. */
export function parseSeeds(texts: readonly string[]): Seed[] {
  const seeds = new Map<string, Seed>()
  for (const text of texts.flatMap((list) => list.split(',')).map((part) => part.trim())) {
    if (text === '') continue
    const seed = parseSeed(text)
    seeds.set(toAuthority(seed.host, seed.port), seed)
  }
  return [...seeds.values()]
}

function parseSeed(text: string): Seed {
  if (isIP(text) === 6) return { host: text, port: PEER_PORT }
  const [, bracketed, plain, portText] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = bracketed ?? plain
  const port = portText === undefined ? PEER_PORT : Number(portText)
  if (host === undefined || (bracketed !== undefined && isIP(bracketed) !== 6) || port < 1 || port > 65535) {
    throw new DfhfError('usage', `not a seed: '${text.slice(0, 100)}'`, {
      hint: 'write host:port or [address]:port',
    })
  }
  return { host, port }
}

export interface SeedOptions {
  readonly seeds: readonly Seed[]
  /** Asks the peer at an address and takes in what it tells; resolves to false when that is this very process. */
  readonly contact: (address: Seed, signal: AbortSignal) => Promise<boolean>
  /** True while a live peer is known at an address: it need not be tried. */
  readonly isKnownAt: (host: string, port: number) => boolean
  /** All addresses of a name. @default the system's resolver */
  readonly resolve?: (host: string) => Promise<readonly string[]>
  /** Milliseconds on a clock that never goes back. @default performance.now */
  readonly now?: () => number
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>
  /** @default HEARTBEAT_MS */
  readonly heartbeatMs?: number
  readonly log?: Log
}

/** Keeps trying the seeds that do not answer; each address of each seed on its own, so that none waits for another. */
export class SeedDiscovery {
  readonly #options: Required<SeedOptions>
  readonly #tries = new Semaphore(MAX_TRIES_AT_ONCE)
  /** Addresses at which this process answered itself. */
  readonly #own = new Set<string>()
  /** Addresses of which it was told that they refuse. */
  readonly #refusing = new Set<string>()
  #silentSince: number | undefined
  #seedsTried = 0
  readonly #answered = Promise.withResolvers<void>()
  readonly #silent: Set<Seed>

  constructor(options: SeedOptions) {
    this.#options = {
      resolve: async (host) => (await lookup(host, { all: true })).map(({ address }) => address),
      now: () => performance.now(),
      wait: (ms, signal) => delay(ms, { signal }),
      heartbeatMs: HEARTBEAT_MS,
      log: silentLog,
      ...options,
    }
    this.#silent = new Set(options.seeds)
    if (this.#silent.size === 0) this.#answered.resolve()
  }

  /** Resolves once every address of every seed has answered; never where one is away. */
  get answered(): Promise<void> {
    return this.#answered.promise
  }

  /** True when each address of each seed was tried once. */
  get hasTriedAll(): boolean {
    return this.#seedsTried >= this.#options.seeds.length
  }

  /** Runs until the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    this.#silentSince = this.#options.now()
    await Promise.all(this.#options.seeds.map((seed) => this.#follow(seed, signal)))
  }

  async #follow(seed: Seed, signal: AbortSignal): Promise<void> {
    const { now, wait, heartbeatMs, isKnownAt } = this.#options
    const isName = isIP(seed.host) === 0
    let addresses: readonly string[] = []
    let resolvedAt = Number.NEGATIVE_INFINITY
    let lookups = 0
    let wasKnown = false
    for (let round = 0; !signal.aborted; round += 1) {
      const isKnown = addresses.some((host) => isKnownAt(host, seed.port))
      if (isKnown !== wasKnown) lookups = 0
      wasKnown = isKnown
      const isSearching = isName && !isKnown
      const patience = (isSearching && SEARCH_EVERY_MS[lookups]) || RESOLVE_EVERY_MS
      if (now() - resolvedAt >= patience) {
        if (resolvedAt >= 0) lookups += 1
        addresses = await this.#resolve(seed, addresses)
        resolvedAt = now()
      }
      const tries = addresses.map((host) => this.#try({ host, port: seed.port }, signal))
      this.#note(seed, await Promise.all(tries))
      if (round === 0) this.#seedsTried += 1
      if (!signal.aborted) this.#tellSilence()
      const search = isSearching ? (SEARCH_EVERY_MS[lookups] ?? heartbeatMs) : heartbeatMs
      await wait(FIRST_PAUSES_MS[round] ?? Math.min(heartbeatMs, search), signal).catch(() => {})
    }
  }

  /** All addresses of a seed; those found before when its name cannot be resolved now. */
  async #resolve({ host }: Seed, before: readonly string[]): Promise<readonly string[]> {
    if (isIP(host) !== 0) return [host]
    try {
      const found = await this.#options.resolve(host)
      return [...new Set(found)].slice(0, MAX_ADDRESSES_OF_NAME)
    } catch (error) {
      this.#options.log.debug(`cannot resolve seed ${host}: ${String(error)}`)
      return before
    }
  }

  #note(seed: Seed, tries: readonly boolean[]): void {
    if (tries.length > 0 && tries.every(Boolean)) this.#silent.delete(seed)
    if (this.#silent.size === 0) this.#answered.resolve()
  }

  #tellSilence(): void {
    const { seeds, log, now } = this.#options
    if (this.#silentSince === undefined || now() - this.#silentSince < SILENCE_TOLD_MS) return
    this.#silentSince = undefined
    const named = seeds.slice(0, MOST_NAMED).map(({ host, port }) => toAuthority(host, port))
    const more = seeds.length > named.length ? ` and ${seeds.length - named.length} more` : ''
    log.warn(`no peer answers at the seeds ${named.join(', ')}${more}; check --seeds`)
  }

  /** A seed was named by the user, who can mend why it refuses. */
  #tellRefusal(authority: string, error: unknown): void {
    const { log } = this.#options
    const isRefusal = error instanceof DfhfError && error.code === 'unauthorized'
    if (!isRefusal || this.#refusing.has(authority)) {
      log.debug(`seed ${authority} does not answer: ${String(error)}`)
      return
    }
    this.#silentSince = undefined
    this.#refusing.add(authority)
    const hint = error.hint === undefined ? '' : `; ${error.hint}`
    log.warn(`the seed ${authority} is of no use: ${error.message}${hint}`)
  }

  /** True when a peer, or this process, is there. */
  async #try(address: Seed, signal: AbortSignal): Promise<boolean> {
    const { contact, isKnownAt } = this.#options
    const authority = toAuthority(address.host, address.port)
    if (this.#own.has(authority)) return true
    try {
      const isKnown = isKnownAt(address.host, address.port)
      const isOther = isKnown || (await this.#tries.run(() => contact(address, signal), signal))
      if (isOther) this.#silentSince = undefined
      else this.#own.add(authority)
      return true
    } catch (error) {
      if (!signal.aborted) this.#tellRefusal(authority, error)
      return false
    }
  }
}
