import { USEFUL_SHARE, WARY_MS } from './tuning.ts'

/** How a transfer among peers ended. Sizes in bytes, times in ms. */
export interface PeerOutcome {
  readonly now: number
  readonly size: number
  /** What came from the Hub, twice counted where it came twice. */
  readonly fromHub: number
  readonly fromPeers: number
  /** True when the Hub was asked because peers brought too little. */
  readonly hasDoubted: boolean
}

/**
 * What one process has learned of its peers: a transfer that waited for them in vain makes those that begin within the
 * next minute wait less. Peers that bring something again are trusted again.
 */
export class PeerExperience {
  #warnedAt = Number.NEGATIVE_INFINITY

  /** A transfer is complete. Only what the Hub did not have to send is to the peers' credit: the rest was wrong or came in vain. */
  ended({ now, size, fromHub, fromPeers, hasDoubted }: PeerOutcome): void {
    const much = USEFUL_SHARE * size
    if (Math.min(fromPeers, size - fromHub) > much) this.#warnedAt = Number.NEGATIVE_INFINITY
    else if (hasDoubted || fromPeers > much) this.#warnedAt = now
  }

  /** True when a transfer that begins at `now` need not wait long for peers. */
  isWary(now: number): boolean {
    return now - this.#warnedAt < WARY_MS
  }
}
