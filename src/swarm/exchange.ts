import { delay } from '../base/delay.ts'
import { type Log, silentLog } from '../base/log.ts'
import { drawSome, HEARTBEAT_MS, type Membership } from './membership.ts'
import type { PeerAddress, PeerListing } from './peer-client.ts'
import type { PeerInfo } from './peer-info.ts'

/** How many peers are asked in one heartbeat, however many are known. */
const MAX_ASKED = 16

export interface ExchangeOptions {
  readonly membership: Membership
  readonly selfId: string
  readonly listPeers: (peer: PeerInfo | PeerAddress, signal: AbortSignal) => Promise<PeerListing>
  /** 0 to below 1. @default Math.random */
  readonly random?: () => number
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>
  /** @default HEARTBEAT_MS */
  readonly heartbeatMs?: number
  readonly log?: Log
}

/** The heartbeat: asks peers that were not heard for a while whom they know, and lets the silent ones go. */
export class PeerExchange {
  readonly #options: Required<ExchangeOptions>

  constructor(options: ExchangeOptions) {
    this.#options = {
      random: Math.random,
      wait: (ms, signal) => delay(ms, { signal }),
      heartbeatMs: HEARTBEAT_MS,
      log: silentLog,
      ...options,
    }
  }

  /** Runs until the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { wait, heartbeatMs, membership } = this.#options
    while (!signal.aborted) {
      await wait(heartbeatMs, signal).catch(() => {})
      if (signal.aborted) return
      membership.sweep()
      // Not awaited: a peer that hangs must not hold up the next heartbeat.
      for (const peer of this.#toAsk()) void this.ask(peer, signal)
    }
  }

  /** Asks whoever is at an address and takes in what it tells; false when that is this very process. */
  async contact(address: PeerAddress, signal: AbortSignal): Promise<boolean> {
    return this.#takeIn(await this.#options.listPeers(address, signal))
  }

  /** Asks a known peer; one that does not answer is left to the sweep. */
  async ask(peer: PeerInfo, signal: AbortSignal): Promise<void> {
    try {
      this.#takeIn(await this.#options.listPeers(peer, signal))
    } catch (error) {
      if (!signal.aborted) this.#options.log.debug(`peer ${peer.name} does not answer: ${String(error)}`)
    }
  }

  /** Half of them those that we did not hear for the longest, the others by chance, so that news crosses a large swarm. */
  #toAsk(): PeerInfo[] {
    const silent = this.#options.membership.unheard()
    const first = silent.slice(0, MAX_ASKED / 2)
    return [...first, ...drawSome(silent.slice(first.length), MAX_ASKED - first.length, this.#options.random)]
  }

  #takeIn({ self, peers }: PeerListing): boolean {
    const { membership, selfId } = this.#options
    if (self.id === selfId) return false
    membership.heard(self, 'direct')
    for (const { peer, ageMs } of peers) membership.heard(peer, 'hearsay', ageMs)
    return true
  }
}
