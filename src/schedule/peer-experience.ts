import { USEFUL_SHARE, WARY_MS } from './tuning.ts'

/** How a transfer among peers ended. Sizes in bytes, times in ms. */
export interface PeerOutcome {
  readonly now: number
  /** How long it took. */
  readonly ms: number
  readonly size: number
  /** What came from the Hub, twice counted where it came twice. */
  readonly fromHub: number
  readonly fromPeers: number
  /** True when the Hub was asked because peers brought too little. */
  readonly hasDoubted: boolean
}

/**
 * What one process has learned of its peers: each transfer that waited for them in vain makes those that begin within the
 * next minute wait less. Peers that bring something again are trusted again.
 */
export class PeerExperience {
  #warnings = 0
  /** When the last transfer ended that peers kept waiting, and that of the warnings that count. */
  #warnedAt = Number.NEGATIVE_INFINITY
  #countedAt = Number.NEGATIVE_INFINITY

  /** A transfer is complete. Only what the Hub did not have to send is to the peers' credit: the rest was wrong or came in vain. */
  ended({ now, ms, size, fromHub, fromPeers, hasDoubted }: PeerOutcome): void {
    const much = USEFUL_SHARE * size
    if (Math.min(fromPeers, size - fromHub) > much) this.#warnings = 0
    else if (hasDoubted || fromPeers > much) this.#warn(now, now - ms)
  }

  /** To how many transfers, one after the other, peers have brought nothing: one that begins at `now` need not wait long. */
  wariness(now: number): number {
    return now - this.#warnedAt < WARY_MS ? this.#warnings : 0
  }

  /** Transfers that were under way together have all seen the same peers, and count once. */
  #warn(now: number, startedAt: number): void {
    if (now - this.#warnedAt >= WARY_MS) this.#warnings = 0
    this.#warnedAt = now
    if (this.#warnings > 0 && startedAt < this.#countedAt) return
    this.#warnings += 1
    this.#countedAt = now
  }
}
