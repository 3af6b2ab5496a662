import type { SourceKind } from './blob-source.ts'

/**
 * How long a transfer may wait for peers that bring nothing before it asks the Hub for everything, in ms. In a crowd of
 * a thousand that start together the first pieces take some seconds to reach the last; the bound that dfhf promises
 * (twice the time alone, and 10 s) leaves room for this, one probe and one piece.
 */
const PATIENCE_MS = 6_000
/** Peers lose their patience at different moments, up to this much later: all at once would be a run on the Hub. */
const SPREAD_MS = 1_500
/** What good times earn at the most, in ms: peers that brought much and then stop are waited for no longer than this, too. */
const MOST_CREDIT_MS = 4_000
/** Peers must bring half of what the Hub would: so all that they hold back costs as much as the time alone, once. */
const SHARE_THAT_PAYS = 0.5
/** The first turn at the Hub alone, in ms; each further one is twice as long, as long as waiting goes on to bring nothing. */
const FIRST_TURN_MS = 2_000
const LONGEST_TURN_MS = 60_000
/** A time with peers that went well for this long, in ms, lets the next turn be short again. */
const GOOD_SPELL_MS = 10_000
/** What one connection must have brought, or how long it must have been open, to tell how fast the Hub is. */
const MEASURED_BYTES = 2 ** 18
const MEASURED_MS = 1_000
/** Half-life of what was measured, in ms. */
const MEMORY_MS = 4_000
/** A transfer that will be over in this time, in ms, is not worth a question to the Hub. */
const SOON_MS = 10_000

/**
 * How the Hub is used: `shared` leaves it the pieces that no peer has or is to fetch, `probe` asks it for one piece
 * to learn how fast it is, `alone` asks it for any piece as though there were no peers.
 */
export type HubUse = 'shared' | 'probe' | 'alone'

/** What is to be seen at a moment. Times in ms, sizes in bytes. */
export interface Sight {
  readonly now: number
  /** Connections to the Hub that are open. */
  readonly hubConnections: number
  /** Connections to the Hub that there would be without peers. */
  readonly mostConnections: number
  /** Whether any peer is known, for whose sake less may be asked of the Hub. */
  readonly hasPeers: boolean
  /** Bytes that are still missing. */
  readonly missingSize: number
}

/**
 * Decides how far peers may keep a transfer from the Hub. Words of peers cost nothing, so only bytes count: time that is
 * spent leaving the Hub to others is a debt, which bytes that come in pay off at the rate at which the Hub would have
 * given them. When the debt outgrows the patience, the Hub is asked for everything, for at least as long as was waited
 * in vain. Whatever peers say or hold back, the time is thus within twice the time alone and the patience.
 * Deterministic: what happens and the time come in.
 */
export class Pace {
  readonly #patienceMs: number
  #use: HubUse = 'shared'
  #debtMs = 0
  #seenAt: number | undefined
  #startedAt = 0
  /** Net bytes since the last look, and in all. */
  #bytes = 0
  #total = 0
  /** What connections to the Hub brought lately, and for how many ms they were open, all together. */
  #hubBytes = 0
  #connectionMs = 0
  /** Bytes per ms that the Hub gave when it was asked for everything; undefined before. */
  #aloneRate: number | undefined
  #turn = { startedAt: 0, hubBytes: 0 }
  #turnMs = FIRST_TURN_MS
  #sharedSince = 0

  /** `place` is a number from 0 up to 1 that differs from peer to peer. */
  constructor(place: number) {
    this.#patienceMs = PATIENCE_MS + place * SPREAD_MS
  }

  get use(): HubUse {
    return this.#use
  }

  /** Bytes arrived; negative when bytes that had arrived turned out to be worth nothing. */
  count(kind: SourceKind, bytes: number): void {
    this.#bytes += bytes
    this.#total += bytes
    if (kind !== 'hub' || bytes < 0) return
    this.#hubBytes += bytes
    this.#turn.hubBytes += bytes
  }

  /** Looks at how it goes; to be called some times a second. */
  observe(sight: Sight): void {
    const { now } = sight
    if (this.#seenAt === undefined) {
      this.#startedAt = now
      this.#sharedSince = now
    } else {
      this.#measure(sight, now - this.#seenAt)
      this.#account(sight, now - this.#seenAt)
      this.#choose(sight)
    }
    this.#seenAt = now
    this.#bytes = 0
  }

  #measure({ now, hubConnections }: Sight, elapsedMs: number): void {
    const memory = 0.5 ** (elapsedMs / MEMORY_MS)
    // What is known is not forgotten while nothing new is learned.
    if (hubConnections > 0 && this.#connectionMs * memory > MEASURED_MS) {
      this.#hubBytes *= memory
      this.#connectionMs *= memory
    }
    this.#connectionMs += hubConnections * elapsedMs
    const turnMs = now - this.#turn.startedAt
    if (this.#use === 'alone' && turnMs >= FIRST_TURN_MS / 2 && this.#turn.hubBytes > 0)
      this.#aloneRate = this.#turn.hubBytes / turnMs
  }

  #account(sight: Sight, elapsedMs: number): void {
    const rate = this.#hubRate(sight)
    const isWaiting = sight.hasPeers && this.#use !== 'alone'
    let debt = this.#debtMs
    if (!isWaiting) debt -= elapsedMs
    else if (rate === undefined) debt += elapsedMs * this.#suspicion(sight)
    else debt += elapsedMs - this.#bytes / (rate * SHARE_THAT_PAYS)
    this.#debtMs = Math.max(debt, -MOST_CREDIT_MS)
  }

  /** How much of the time counts as waited in vain while nothing is known of the Hub. */
  #suspicion({ now, missingSize }: Sight): number {
    if (this.#bytes <= 0) return 1
    const rate = this.#total / Math.max(1, now - this.#startedAt)
    return missingSize / rate > SOON_MS ? 0.5 : 0
  }

  #choose(sight: Sight): void {
    const { now } = sight
    if (this.#use === 'alone') {
      if (now - this.#turn.startedAt < this.#turnMs) return
      this.#turnMs = Math.min(LONGEST_TURN_MS, 2 * this.#turnMs)
      this.#debtMs = Math.min(this.#debtMs, this.#patienceMs - FIRST_TURN_MS)
      this.#use = 'shared'
      this.#sharedSince = now
      return
    }
    if (this.#debtMs < this.#patienceMs) {
      this.#use = 'shared'
      return
    }
    if (this.#hubRate(sight) === undefined) {
      this.#use = 'probe'
      return
    }
    if (now - this.#sharedSince > GOOD_SPELL_MS) this.#turnMs = FIRST_TURN_MS
    this.#use = 'alone'
    this.#turn = { startedAt: now, hubBytes: 0 }
  }

  /**
   * Bytes per ms that the Hub gives, or would give at the most: as measured when it was asked for everything, or else
   * what one connection brings times how many there may be. Undefined while nothing is known of it.
   */
  #hubRate({ mostConnections }: Sight): number | undefined {
    if (this.#aloneRate !== undefined) return this.#aloneRate
    if (this.#hubBytes < MEASURED_BYTES && this.#connectionMs < MEASURED_MS) return undefined
    return Math.max((this.#hubBytes / this.#connectionMs) * mostConnections, 1e-3)
  }
}
