import {
  BUNDLE_GRACE_MS,
  FIRST_BUNDLE_BLOBS,
  FIRST_BUNDLE_BYTES,
  FORGIVEN_SHARE,
  LARGEST_BUNDLE_BLOBS,
  LARGEST_BUNDLE_BYTES,
  LEAST_BUNDLE_RATE,
  MOST_BUNDLE_WASTE_MS,
  MOST_FRUITLESS_BUNDLES,
  QUICK_BUNDLE_MS,
} from './tuning.ts'

/** How much one request for small blobs may ask for. */
export interface BundleSize {
  readonly blobs: number
  readonly bytes: number
}

/**
 * How many small blobs each peer is asked for at once, for how long it is waited for, and when peers are asked for none
 * any more: what they waste is bounded, however many of them there are.
 */
export class BundlePace {
  /** By peer that has brought blobs. */
  readonly #sizes = new Map<string, BundleSize>()
  #wasteMs = 0
  #fruitless = 0

  /** What to ask a peer for next. */
  sizeFor(peer: string): BundleSize {
    return this.#sizes.get(peer) ?? { blobs: FIRST_BUNDLE_BLOBS, bytes: FIRST_BUNDLE_BYTES }
  }

  /** True for a peer that has brought blobs, and has not failed since. */
  isProven(peer: string): boolean {
    return this.#sizes.has(peer)
  }

  /** How long a request for so many bytes may take, in ms. */
  patienceMs(bytes: number): number {
    return BUNDLE_GRACE_MS + bytes / LEAST_BUNDLE_RATE
  }

  /** The peer brought blobs within that time. */
  brought(peer: string, ms: number): void {
    const { blobs, bytes } = this.sizeFor(peer)
    const factor = ms < QUICK_BUNDLE_MS ? 2 : 1
    this.#sizes.set(peer, {
      blobs: Math.min(LARGEST_BUNDLE_BLOBS, factor * blobs),
      bytes: Math.min(LARGEST_BUNDLE_BYTES, factor * bytes),
    })
    this.#wasteMs = Math.max(0, this.#wasteMs - FORGIVEN_SHARE * ms)
  }

  /** The peer brought nothing, or not all in time. */
  failed(peer: string, ms: number): void {
    this.#sizes.delete(peer)
    this.#fruitless += 1
    this.#wasteMs += ms
  }

  /** The peer was busy for so long. */
  waited(ms: number): void {
    this.#wasteMs += ms
  }

  /** True once peers have wasted all that they may. */
  get isOver(): boolean {
    return this.#fruitless >= MOST_FRUITLESS_BUNDLES || this.#wasteMs >= MOST_BUNDLE_WASTE_MS
  }
}
