import { ConnectionLimit } from '../../schedule/connection-limit.ts'
import { CONNECTIONS_WINDOW_MS, FIRST_HUB_CONNECTIONS, MOST_IDLE_SHARE } from '../../schedule/tuning.ts'
import { HubSeat, type SeatOwner } from './hub-seat.ts'

/**
 * The connections to the Hub that all files of this process share. Counts who is in, measures what passes and
 * lets `ConnectionLimit` decide how many there may be.
 */
export class HubBudget {
  readonly #max: number
  readonly #limit: ConnectionLimit
  readonly #clock: () => number
  readonly #seats = new Set<HubSeat>()
  #active = 0
  #windowStart = 0
  #windowBytes = 0
  /** Since when fewer are in use than allowed; undefined while all are. And for how many ms that was so in this window. */
  #idleSince: number | undefined = 0
  #idleMs = 0

  constructor(options: { readonly max: number; readonly start?: number; readonly clock?: () => number }) {
    this.#max = options.max
    this.#limit = new ConnectionLimit({ max: options.max, start: options.start ?? FIRST_HUB_CONNECTIONS })
    this.#clock = options.clock ?? (() => performance.now())
  }

  /** Connections that may be opened now. */
  free(): number {
    return Math.max(0, this.#limit.limit - this.#active)
  }

  /** Connections that each file has at the most while all of them want some. */
  get fairShare(): number {
    return Math.max(1, Math.ceil(this.#max / Math.max(1, this.#seats.size)))
  }

  /** Takes one connection; the function it gives back returns it and may be called once. */
  acquire(): () => void {
    this.#active += 1
    this.#noteUse()
    return () => {
      this.#active -= 1
      this.#noteUse()
      // Transfers without a connection come first.
      for (const seat of [...this.#seats].sort((a, b) => a.held - b.held)) seat.owner.wake()
    }
  }

  /** Takes one connection for a request that waits for none: undefined where `most` are in use. */
  acquireBelow(most: number): (() => void) | undefined {
    return this.#active < most ? this.acquire() : undefined
  }

  /** True for a while after the Hub refused or dropped connections. */
  get isCalm(): boolean {
    return this.#limit.isCalm(this.#clock())
  }

  /** Counts bytes that arrived from the Hub. */
  count(bytes: number): void {
    const now = this.#clock()
    this.#windowBytes += bytes
    const elapsed = now - this.#windowStart
    if (elapsed < CONNECTIONS_WINDOW_MS) return
    if (this.#idleSince !== undefined) this.#idleMs += now - Math.max(this.#idleSince, this.#windowStart)
    const wasUsed = this.#idleMs <= MOST_IDLE_SHARE * elapsed && elapsed < 2 * CONNECTIONS_WINDOW_MS
    if (wasUsed) this.#limit.sample(this.#windowBytes / elapsed, now)
    else this.#limit.unsettle(now)
    this.#windowStart = now
    this.#windowBytes = 0
    this.#idleMs = 0
    this.#idleSince = this.#active >= this.#limit.limit ? undefined : now
  }

  #noteUse(): void {
    const isIdle = this.#active < this.#limit.limit
    if (isIdle === (this.#idleSince !== undefined)) return
    const now = this.#clock()
    if (this.#idleSince !== undefined) this.#idleMs += now - Math.max(this.#idleSince, this.#windowStart)
    this.#idleSince = isIdle ? now : undefined
  }

  /**
   * The Hub refused or dropped a connection that has been given back, so fewer are opened; not where it was the only one:
   * it were no fewer. Among peers six 503 of a CDN met one request after the other, and the next turn at the Hub began
   * with one connection in place of four. Only the transfer that was told to wait waits: others may use another account.
   */
  congested(isToldToWait: boolean): void {
    if (isToldToWait || this.#active > 0) this.#limit.congested(this.#clock(), isToldToWait)
  }

  /** Takes part in the budget; `leave` of the seat ends that. */
  join(owner: SeatOwner): HubSeat {
    const seat = new HubSeat(this, owner)
    this.#seats.add(seat)
    return seat
  }

  leave(seat: HubSeat): void {
    this.#seats.delete(seat)
  }

  /**
   * Connections that one of several transfers may open now. The first does not wait until it is known that more pay
   * off, unless the Hub has just asked for less; the last that there may be is left to transfers that have none.
   */
  freeFor(seat: HubSeat): number {
    const now = this.#clock()
    const left = this.#max - this.#active
    if (seat.held > 0) return Math.max(0, Math.min(this.free(), left - (this.#seats.size > 1 ? 1 : 0)))
    return this.free() > 0 || left <= 0 || this.#limit.isCalm(now) ? this.free() : 1
  }

  /** The transfer that has most connections. */
  get richest(): HubSeat | undefined {
    return [...this.#seats].reduce<HubSeat | undefined>(
      (most, seat) => (seat.held > (most?.held ?? 0) ? seat : most),
      undefined,
    )
  }
}
