import type { SourceKind } from './blob-source.ts'

/**
 * How long a transfer may wait for peers that bring nothing before it asks the Hub for everything, in ms, and how much
 * longer in a large crowd: of 1,000 that start together on a Hub of 100 Mbit/s some have not one byte after 7 s. The
 * bound that dfhf promises (twice the time alone, and 10 s) leaves room for no more.
 */
const PATIENCE_MS = 5_000
const PATIENCE_IN_A_CROWD_MS = 3_000
const CROWD = 50
/** As a share of the time that the Hub would need, the patience that a thin uplink earns: there first pieces take long. */
const PATIENCE_SHARE = 0.5
/** Peers lose their patience at different moments, up to this much later: all at once would be a run on the Hub. */
const SPREAD_MS = 1_000
/** What good times earn at the most, in ms: for peers that brought much and then stop no transfer waits longer than this, too. */
const MOST_CREDIT_MS = 4_000
/** Peers must bring so much of what the Hub would: then all that they hold back costs half of the time alone. */
const SHARE_THAT_PAYS = 2 / 3
/** The first turn at the Hub alone, in ms; each further one is twice as long, as long as waiting goes on to bring nothing. */
const FIRST_TURN_MS = 2_000
const LONGEST_TURN_MS = 60_000
/** A time with peers that went well for this long, in ms, lets the next turn be short again. */
const GOOD_SPELL_MS = 10_000
/** A measurement takes this long, in ms, from its first byte on, where it brings so many bytes; else a little longer. */
const MEASURED_MS = 200
const MEASURED_BYTES = 2 ** 18
const MEASURED_SLOWLY_MS = 300
/** Half-life of what was measured, in ms. */
const MEMORY_MS = 4_000
/**
 * A transfer that few peers bring within this time, in ms, needs no word of how fast the Hub is. Among more peers
 * questions to the Hub cost more, and one that holds back matters less: then this time grows, up to a limit.
 */
const SOON_MS = 10_000
const FEW_PEERS = 4
const LONGEST_SOON_MS = 60_000
/** Before this time, in ms, nothing can be said of it; in a crowd it takes longer, as with the patience. */
const SETTLED_MS = 3_000
const SETTLED_IN_A_CROWD_MS = 1_500
/** Half-life, in ms, of the pace at which the end is expected. */
const PACE_MEMORY_MS = 2_000
/** What the questions of all peers together may cost, as a share of the blob's size. */
const COST_OF_TRIALS = 0.01

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
  /** How many peers are known, for whose sake less is asked of the Hub. */
  readonly peers: number
  /** Bytes of the blob, and those that are still missing. */
  readonly size: number
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
  readonly #spreadMs: number
  #use: HubUse = 'shared'
  #debtMs = 0
  #seenAt: number | undefined
  #startedAt = 0
  /** Net bytes since the last look. */
  #bytes = 0
  /** Net bytes of late, and the ms in which they came. */
  #recentBytes = 0
  #recentMs = 0
  /** When bytes were last worth something. */
  #gainedAt = 0
  /** What connections to the Hub brought lately, and for how many ms they were open, all together. */
  #hubBytes = 0
  #connectionMs = 0
  /** Bytes per ms that the Hub gave when it was asked for everything; undefined before. */
  #aloneRate: number | undefined
  #turn = { startedAt: 0, hubBytes: 0, measuredMs: 0, isTrial: false }
  #turnMs = FIRST_TURN_MS
  #sharedSince = 0

  /** `place` is a number from 0 up to 1 that differs from peer to peer. */
  constructor(place: number) {
    this.#spreadMs = place * SPREAD_MS
  }

  get use(): HubUse {
    return this.#use
  }

  /** Bytes arrived; negative when bytes that had arrived turned out to be worth nothing. */
  count(kind: SourceKind, bytes: number): void {
    this.#bytes += bytes
    if (kind !== 'hub' || bytes < 0) return
    this.#hubBytes += bytes
    this.#turn.hubBytes += bytes
  }

  /** Looks at how it goes; to be called some times a second. */
  observe(sight: Sight): void {
    const { now } = sight
    if (this.#seenAt === undefined) {
      this.#startedAt = now
      this.#gainedAt = now
      this.#sharedSince = now
    } else {
      const elapsedMs = now - this.#seenAt
      if (this.#bytes > 0) this.#gainedAt = now
      this.#measure(sight, elapsedMs)
      this.#account(sight, elapsedMs)
      this.#choose(sight)
    }
    this.#seenAt = now
    this.#bytes = 0
  }

  #measure({ hubConnections }: Sight, elapsedMs: number): void {
    const fade = 0.5 ** (elapsedMs / PACE_MEMORY_MS)
    this.#recentBytes = this.#recentBytes * fade + this.#bytes
    // The wait for the first byte says nothing of the pace.
    if (this.#recentBytes !== 0) this.#recentMs = this.#recentMs * fade + elapsedMs
    const memory = 0.5 ** (elapsedMs / MEMORY_MS)
    // What is known is not forgotten while nothing new is learned.
    if (hubConnections > 0) {
      this.#hubBytes *= memory
      this.#connectionMs *= memory
    }
    // The wait for the very first byte says nothing of the rate.
    if (this.#hubBytes > 0) this.#connectionMs += hubConnections * elapsedMs
    const turn = this.#turn
    if (this.#use !== 'alone' || turn.hubBytes === 0) return
    turn.measuredMs += elapsedMs
    if (turn.measuredMs >= MEASURED_MS) this.#aloneRate = turn.hubBytes / turn.measuredMs
  }

  #account(sight: Sight, elapsedMs: number): void {
    const rate = this.#hubRate(sight)
    const isWaiting = sight.peers > 0 && this.#use !== 'alone'
    let debt = this.#debtMs
    if (!isWaiting) debt -= elapsedMs
    else if (rate !== undefined) debt += elapsedMs - this.#bytes / (rate * SHARE_THAT_PAYS)
    else if (this.#bytes <= 0) debt += elapsedMs
    this.#debtMs = Math.max(debt, -MOST_CREDIT_MS)
  }

  #choose(sight: Sight): void {
    const { now } = sight
    if (this.#use === 'alone') {
      if (this.#isTurnOver(sight)) this.#share(sight)
      return
    }
    if (this.#debtMs < this.#patience(sight)) {
      this.#use = this.#hubRate(sight) === undefined && this.#takesLong(sight) ? 'probe' : 'shared'
      return
    }
    if (now - this.#sharedSince > GOOD_SPELL_MS) this.#turnMs = FIRST_TURN_MS
    // While peers do bring something, it is first found out, at little cost, whether the Hub would bring more.
    const isTrial = this.#aloneRate === undefined && now - this.#gainedAt < FIRST_TURN_MS
    this.#use = 'alone'
    this.#turn = { startedAt: now, hubBytes: 0, measuredMs: 0, isTrial }
  }

  #isTurnOver({ now, size, peers }: Sight): boolean {
    const { isTrial, startedAt, hubBytes, measuredMs } = this.#turn
    if (!isTrial) return now - startedAt >= this.#turnMs
    const worth = Math.max(MEASURED_BYTES, (size * COST_OF_TRIALS) / Math.max(1, peers))
    return (measuredMs >= MEASURED_MS && hubBytes >= worth) || now - startedAt >= FIRST_TURN_MS
  }

  #share(sight: Sight): void {
    if (!this.#turn.isTrial) {
      this.#turnMs = Math.min(LONGEST_TURN_MS, 2 * this.#turnMs)
      this.#debtMs = Math.min(this.#debtMs, this.#patience(sight) - FIRST_TURN_MS)
    }
    this.#use = 'shared'
    this.#sharedSince = sight.now
  }

  #patience(sight: Sight): number {
    const rate = this.#hubRate(sight)
    const share = rate === undefined ? 0 : (PATIENCE_SHARE * sight.size) / rate
    return PATIENCE_MS + PATIENCE_IN_A_CROWD_MS * crowd(sight.peers) + this.#spreadMs + share
  }

  /** True when, at the pace of the peers so far, the transfer takes longer than needs no second thought. */
  #takesLong({ now, missingSize, peers }: Sight): boolean {
    const elapsedMs = now - this.#startedAt
    if (peers === 0 || elapsedMs < SETTLED_MS + SETTLED_IN_A_CROWD_MS * crowd(peers)) return false
    if (this.#recentBytes <= 0) return true
    const soon = Math.min(LONGEST_SOON_MS, SOON_MS * Math.max(1, peers / FEW_PEERS))
    return elapsedMs + (missingSize * this.#recentMs) / this.#recentBytes > soon
  }

  /**
   * Bytes per ms that the Hub gives, or would give at the most: as measured when it was asked for everything, or else
   * what one connection brings times how many there may be. Undefined while nothing is known of it.
   */
  #hubRate({ mostConnections }: Sight): number | undefined {
    if (this.#aloneRate !== undefined) return this.#aloneRate
    const isKnown = this.#connectionMs >= MEASURED_MS && this.#hubBytes > 0
    if (!isKnown || (this.#hubBytes < MEASURED_BYTES && this.#connectionMs < MEASURED_SLOWLY_MS))
      return undefined
    return (this.#hubBytes / this.#connectionMs) * mostConnections
  }
}

/** From 0 for nobody else to 1 for a crowd. */
function crowd(peers: number): number {
  return Math.min(1, peers / CROWD)
}
