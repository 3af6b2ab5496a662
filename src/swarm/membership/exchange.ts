import { delay } from '../../base/delay.ts'
import { type Log, silentLog } from '../../base/log.ts'
import type { PeerAddress, PeerListing } from '../client/peer-client.ts'
import type { PeerInfo } from '../protocol/peer-info.ts'
import { drawSome } from './draw-some.ts'
import type { Membership } from './membership.ts'
import { HEARTBEAT_MS } from './membership-options.ts'

/** How many peers are asked in one heartbeat, however many are known, and how many at rest. */
const MAX_ASKED = 16
const ASKED_AT_REST = 4
const TELL_EVERY_MS = 1_000
/** So many heartbeats after the last blob was wanted, the next one is not unlikely. */
const BEATS_BEFORE_REST = 12
/** Of the peers that were only told of, so many are drawn from: about one of each teller. */
const TOLD_IN_TURN = 64

export interface ExchangeOptions {
  readonly membership: Membership
  readonly selfId: string
  readonly listPeers: (peer: PeerInfo | PeerAddress, signal: AbortSignal) => Promise<PeerListing>
  /** 0 to below 1. @default Math.random */
  readonly random?: () => number
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>
  /** @default HEARTBEAT_MS */
  readonly heartbeatMs?: number
  /** The same while no blob is wanted and none was for a while; then few are asked. @default it never rests */
  readonly restHeartbeatMs?: number | undefined
  readonly log?: Log
}

/** The heartbeat: asks peers that were silent for a while which peers they know, and forgets those that stay silent. */
export class PeerExchange {
  readonly #options: Required<ExchangeOptions>
  /** Blobs that this process wants now. */
  #wanted = 0
  #hasJustTold = false
  #beatsBeforeRest = BEATS_BEFORE_REST
  /** Ends the pause of a resting process. */
  #wake = new AbortController()

  constructor(options: ExchangeOptions) {
    this.#options = {
      random: Math.random,
      wait: (ms, signal) => delay(ms, { signal }),
      heartbeatMs: HEARTBEAT_MS,
      restHeartbeatMs: undefined,
      log: silentLog,
      ...options,
    }
  }

  /** Runs until the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#pause(signal)
      if (signal.aborted) return
      this.#options.membership.sweep()
      // Not awaited: a peer that hangs must not hold up the next heartbeat.
      for (const peer of this.#toAsk()) void this.ask(peer, signal)
    }
  }

  /** Notes that this process wants a blob, until the result is called: a resting one asks others at once. */
  want(): () => void {
    this.#wanted += 1
    this.#beatsBeforeRest = BEATS_BEFORE_REST
    this.#wake.abort()
    let isWanted = true
    return () => {
      if (isWanted) this.#wanted -= 1
      isWanted = false
    }
  }

  /** Asks the peer at an address given by hand and takes in what it tells; false when that is this very process. */
  async contact(address: PeerAddress, signal: AbortSignal): Promise<boolean> {
    return this.#takeIn(await this.#options.listPeers(address, signal), 'seed')
  }

  /** Asks some peers now, because what this process tells with a question is news; at most once in a while. */
  tellNow(signal: AbortSignal): void {
    if (this.#hasJustTold) return
    this.#hasJustTold = true
    setTimeout(() => {
      this.#hasJustTold = false
    }, TELL_EVERY_MS).unref()
    const { membership, random } = this.#options
    const known = membership.live().filter(({ id }) => membership.standingOf(id) !== 'told')
    for (const peer of drawSome(known, MAX_ASKED, random)) void this.ask(peer, signal)
  }

  /** Asks a known peer; one that does not answer is left to the sweep. */
  async ask(peer: PeerInfo, signal: AbortSignal): Promise<void> {
    try {
      this.#takeIn(await this.#options.listPeers(peer, signal), 'direct')
    } catch (error) {
      if (!signal.aborted) this.#options.log.debug(`peer ${peer.name} does not answer: ${String(error)}`)
    }
  }

  get #isResting(): boolean {
    return this.#options.restHeartbeatMs !== undefined && this.#wanted === 0 && this.#beatsBeforeRest === 0
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const { wait, heartbeatMs, restHeartbeatMs = heartbeatMs } = this.#options
    if (!this.#isResting) {
      if (this.#wanted === 0) this.#beatsBeforeRest -= 1
      return await wait(heartbeatMs, signal).catch(() => {})
    }
    this.#wake = new AbortController()
    await wait(restHeartbeatMs, AbortSignal.any([signal, this.#wake.signal])).catch(() => {})
  }

  /**
   * Peers that were only told of get half of the questions while there are enough of both kinds: however many peers a
   * host invents, the real ones among them and the known ones are still asked.
   */
  #toAsk(): PeerInfo[] {
    const { membership, random } = this.#options
    const silent = membership.unheard()
    const known = silent.filter(({ id }) => membership.standingOf(id) !== 'told')
    const told = membership.live().filter(({ id }) => membership.standingOf(id) === 'told')
    const limit = this.#isResting ? ASKED_AT_REST : MAX_ASKED
    const places = Math.max(limit / 2, limit - known.length)
    const strangers = drawSome(told.slice(0, TOLD_IN_TURN), places, random)
    const left = limit - strangers.length
    // First those that were silent for the longest, the rest by chance, so that news crosses a large swarm.
    const first = known.slice(0, limit / 2)
    return [...strangers, ...first, ...drawSome(known.slice(first.length), left - first.length, random)]
  }

  #takeIn({ self, peers }: PeerListing, news: 'direct' | 'seed'): boolean {
    const { membership, selfId } = this.#options
    if (self.id === selfId) return false
    membership.heard(self, news)
    const teller = self.addresses[0]
    for (const { peer, ageMs } of peers) membership.heard(peer, 'hearsay', ageMs, teller)
    return true
  }
}
