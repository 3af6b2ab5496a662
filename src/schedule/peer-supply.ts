import { MIN_USEFUL_RATE, SUPPLY_WINDOW_MS } from './tuning.ts'

/**
 * Measures what all peers together deliver while any of them is asked, to tell whether the Hub should be asked
 * for pieces that they hold, although it costs the uplink. Deterministic: time comes in.
 */
export class PeerSupply {
  #bytes = 0
  #activeMs = 0
  #observedAt = 0
  #wasActive = false
  #rate: number | undefined

  /** Bytes arrived from a peer. */
  count(bytes: number): void {
    this.#bytes += bytes
  }

  /** To be called regularly; `isActive` while at least one range from a peer is open. */
  observe(now: number, isActive: boolean): void {
    if (this.#wasActive && isActive) this.#activeMs += now - this.#observedAt
    this.#observedAt = now
    this.#wasActive = isActive
    if (this.#activeMs < SUPPLY_WINDOW_MS) return
    this.#rate = this.#bytes / this.#activeMs
    this.#bytes = 0
    this.#activeMs = 0
  }

  /**
   * True when peers give less than a floor, and less than half of `hubRate` (bytes per ms), so that a host
   * on a slow link of its own does not load the Hub in vain.
   */
  isSlow(hubRate: number): boolean {
    const rate = this.#rate
    return rate !== undefined && rate < MIN_USEFUL_RATE && rate < hubRate / 2
  }
}
