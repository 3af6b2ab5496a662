import { FEW_PEERS, LONGEST_HOLD_MS, MEASURED_TOGETHER_MS, MEASURED_WELL_MS } from './tuning.ts'

/** Bytes per ms that the Hub gave when it was asked for everything, in all and by connection. */
export interface HubSpeed {
  readonly rate: number
  readonly connection: number
}

/** A time in which the Hub is asked for everything, and how fast it turns out to be. Times in ms, sizes in bytes. */
export class HubTurn {
  readonly #startedAt: number
  /** Time that does not count. */
  #heldMs = 0
  /** True when it is only to find out how fast the Hub is. */
  readonly isTrial: boolean
  /** When the first bytes came in it; the wait for them says nothing of the rate. */
  #firstByteAt: number | undefined
  #bytes = 0
  /** When most connections were open, and what had come by then. */
  #atSpeed: { readonly now: number; readonly bytes: number } | undefined
  /** What single connections brought, and in how many ms. */
  #connectionBytes = 0
  #connectionMs = 0

  constructor(startedAt: number, isTrial: boolean) {
    this.#startedAt = startedAt
    this.isTrial = isTrial
  }

  /** For `ms` the Hub was left alone, as it had failed: a turn in which it cannot be asked is none. Bounded. */
  hold(ms: number): void {
    this.#heldMs = Math.min(LONGEST_HOLD_MS, this.#heldMs + ms)
  }

  /** How long it has lasted, without the time for which it was held. */
  lastedMs(now: number): number {
    return now - this.#startedAt - this.#heldMs
  }

  /** Bytes came from the Hub. */
  count(bytes: number, now: number): void {
    this.#firstByteAt ??= now
    this.#bytes += bytes
  }

  /** So many of them came on a connection that works, `waitedMs` after those before. */
  countWorking(bytes: number, waitedMs: number): void {
    this.#connectionBytes += bytes
    this.#connectionMs += waitedMs
  }

  /** How fast the Hub was so far; undefined while that is not known. To be asked some times a second. */
  speed(now: number, peers: number): HubSpeed | undefined {
    if (this.#firstByteAt === undefined || this.#connectionMs === 0) return undefined
    const tookMs = now - this.#firstByteAt
    const measuredMs = measuringMs(peers)
    if (peers <= FEW_PEERS && tookMs >= measuredMs / 2) this.#atSpeed ??= { now, bytes: this.#bytes }
    if (tookMs < measuredMs) return undefined
    const { now: since, bytes: before } = this.#atSpeed ?? { now, bytes: this.#bytes }
    // While connections open they bring less: taken for the Hub's speed, that would make peers look good that are not.
    const atSpeed = now > since ? (this.#bytes - before) / (now - since) : 0
    return {
      rate: Math.max(this.#bytes / tookMs, atSpeed),
      connection: this.#connectionBytes / this.#connectionMs,
    }
  }

  /** True once it took long enough, and brought `enough` bytes, to say how fast the Hub is. */
  hasMeasured(now: number, peers: number, enough: number): boolean {
    return now - (this.#firstByteAt ?? now) >= measuringMs(peers) && this.#bytes >= enough
  }
}

/** How long the Hub is measured: among few peers long enough for all connections to open. */
function measuringMs(peers: number): number {
  return peers <= FEW_PEERS ? MEASURED_WELL_MS : MEASURED_TOGETHER_MS
}
