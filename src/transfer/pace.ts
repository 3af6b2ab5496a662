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
const PATIENCE_SHARE = 0.3
/** Peers lose their patience at different moments, up to this much later: all at once would be a run on the Hub. */
const SPREAD_MS = 1_000
/** With so much debt, in ms, the Hub's speed is asked for; in a crowd with more, as with the patience. */
const DOUBT_MS = 2_500
const DOUBT_IN_A_CROWD_MS = 2_000
/** What good times earn at the most, in ms: for peers that brought much and then stop no transfer waits longer than this, too. */
const MOST_CREDIT_MS = 4_000
/** Peers must bring so much of what the Hub would: then all that they hold back costs half of the time alone. */
const SHARE_THAT_PAYS = 2 / 3
/** The first turn at the Hub alone, in ms; each further one is twice as long, as long as waiting goes on to bring nothing. */
const FIRST_TURN_MS = 3_000
const LONGEST_TURN_MS = 60_000
/** How long peers may try again between two turns, in ms. */
const RETRIAL_MS = 1_000
/** A measurement takes this long, in ms, where it brings so many bytes; else a little longer. */
const MEASURED_MS = 200
const MEASURED_BYTES = 2 ** 18
const MEASURED_SLOWLY_MS = 300
/** Half-life of what was measured, in ms. */
const MEMORY_MS = 4_000
/** While each of many connections brings this share of what the best one brought, more of them would bring more. */
const STILL_GROWS = 0.7
/**
 * What few peers bring within this time, in ms, needs no question of how fast the Hub is. Among more peers such
 * questions cost more, and one that holds back matters less: then this time grows, up to a limit.
 */
const SOON_MS = 10_000
const LONGEST_SOON_MS = 60_000
const FEW_PEERS = 4
/** What the trials of all peers together may cost, as a share of the blob's size. */
const COST_OF_TRIALS = 0.01

/**
 * How the Hub is used: `shared` leaves it the pieces that no peer has or is to fetch, `probe` asks it for one piece
 * to learn how fast it is, `alone` asks it for any piece as though there were no peers.
 */
export type HubUse = 'shared' | 'probe' | 'alone'

/** What is to be seen at a moment. Times in ms, sizes in bytes. */
export interface Sight {
  readonly now: number
  /** Connections to the Hub on which bytes have come. */
  readonly hubConnections: number
  /** Connections to the Hub that there would be without peers. */
  readonly mostConnections: number
  /** How many peers are known, for whose sake less is asked of the Hub. */
  readonly peers: number
  /** Bytes of the blob. */
  readonly size: number
}

/**
 * Decides how far peers may keep a transfer from the Hub. Words of peers cost nothing, so only bytes count: time that
 * passes is a debt, which bytes that come in pay off at the rate at which the Hub would have given them. When the debt
 * outgrows the patience, the Hub is asked for everything, in turns that grow. Whatever peers say or hold back, the time
 * is thus within twice the time alone and the patience. Deterministic: what happens and the time come in.
 */
export class Pace {
  readonly #spreadMs: number
  #use: HubUse = 'shared'
  #debtMs = 0
  #seenAt: number | undefined
  #hasMetPeers = false
  /** Net bytes since the last look, and those of them that came from peers. */
  #bytes = 0
  #peerBytes = 0
  /** When peers were last seen to bring anything. */
  #peersGaveAt = Number.NEGATIVE_INFINITY
  /** What connections to the Hub brought lately, and for how many ms they were open, all together. */
  #hubBytes = 0
  #connectionMs = 0
  /** The most bytes per ms that one connection to the Hub has brought. */
  #bestConnection = 0
  /** Bytes per ms that the Hub gave when it was asked for everything, in all and by connection; undefined before. */
  #alone: { readonly rate: number; readonly connection: number } | undefined
  #turn = { startedAt: 0, hubBytes: 0, measuredMs: 0, connectionMs: 0, isTrial: false }
  #turnMs = FIRST_TURN_MS

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
    if (kind === 'peers') this.#peerBytes += bytes
    if (kind !== 'hub' || bytes < 0) return
    this.#hubBytes += bytes
    this.#turn.hubBytes += bytes
  }

  /** Looks at how it goes; to be called some times a second. */
  observe(sight: Sight): void {
    const elapsedMs = sight.now - (this.#seenAt ?? sight.now)
    this.#seenAt = sight.now
    if (sight.peers > 0) this.#hasMetPeers = true
    if (this.#peerBytes > 0) this.#peersGaveAt = sight.now
    this.#measure(sight, elapsedMs)
    // A peer that is alone waits for no other.
    if (this.#hasMetPeers) {
      this.#account(sight, elapsedMs)
      this.#use = this.#use === 'alone' ? this.#goOnAlone(sight) : this.#chooseAmongPeers(sight)
    }
    this.#bytes = 0
    this.#peerBytes = 0
  }

  #measure({ hubConnections }: Sight, elapsedMs: number): void {
    const memory = 0.5 ** (elapsedMs / MEMORY_MS)
    // What is known is not forgotten while nothing new is learned.
    if (hubConnections > 0) {
      this.#hubBytes *= memory
      this.#connectionMs *= memory
    }
    this.#connectionMs += hubConnections * elapsedMs
    if (this.#isMeasured) this.#bestConnection = Math.max(this.#bestConnection, this.#connection)
    const turn = this.#turn
    if (this.#use !== 'alone' || hubConnections === 0) return
    turn.measuredMs += elapsedMs
    turn.connectionMs += hubConnections * elapsedMs
    if (turn.measuredMs < MEASURED_MS || turn.hubBytes === 0) return
    this.#alone = { rate: turn.hubBytes / turn.measuredMs, connection: turn.hubBytes / turn.connectionMs }
  }

  #account(sight: Sight, elapsedMs: number): void {
    // Until the Hub's speed is known, it is taken to be what nobody minds.
    const rate = this.#hubRate(sight) ?? sight.size / soonMs(sight.peers)
    const worth = this.#bytes - this.#peerBytes + this.#peerBytes / SHARE_THAT_PAYS
    this.#debtMs = Math.max(this.#debtMs + elapsedMs - worth / rate, -MOST_CREDIT_MS)
    if (this.#debtMs <= 0) this.#turnMs = FIRST_TURN_MS
  }

  #chooseAmongPeers(sight: Sight): HubUse {
    if (this.#debtMs >= this.#patience(sight)) {
      // While peers do bring something, it is first found out, at little cost, whether the Hub would bring more.
      const isTrial = this.#alone === undefined && sight.now - this.#peersGaveAt < RETRIAL_MS
      this.#turn = { startedAt: sight.now, hubBytes: 0, measuredMs: 0, connectionMs: 0, isTrial }
      return 'alone'
    }
    const isDoubtful = this.#debtMs >= DOUBT_MS + DOUBT_IN_A_CROWD_MS * crowd(sight.peers)
    return isDoubtful && this.#hubRate(sight) === undefined ? 'probe' : 'shared'
  }

  #goOnAlone(sight: Sight): HubUse {
    const { isTrial, startedAt, hubBytes, measuredMs } = this.#turn
    const tookMs = sight.now - startedAt
    if (isTrial) {
      const enough = Math.max(MEASURED_BYTES, (sight.size * COST_OF_TRIALS) / Math.max(1, sight.peers))
      const isMeasured = measuredMs >= MEASURED_MS && hubBytes >= enough
      return isMeasured || tookMs >= FIRST_TURN_MS ? 'shared' : 'alone'
    }
    if (tookMs < this.#turnMs) return 'alone'
    this.#turnMs = Math.min(LONGEST_TURN_MS, 2 * this.#turnMs)
    this.#debtMs = Math.min(this.#debtMs, this.#patience(sight) - RETRIAL_MS)
    return 'shared'
  }

  #patience(sight: Sight): number {
    const rate = this.#hubRate(sight)
    const share = rate === undefined ? 0 : (PATIENCE_SHARE * sight.size) / rate
    return PATIENCE_MS + PATIENCE_IN_A_CROWD_MS * crowd(sight.peers) + this.#spreadMs + share
  }

  /**
   * Bytes per ms that the Hub gives, or would give at the most: what one connection brings times how many there may be,
   * or, where many together were seen to bring less, what these brought. Undefined while nothing is known of it.
   */
  #hubRate({ mostConnections }: Sight): number | undefined {
    const alone = this.#alone
    if (alone && alone.connection < STILL_GROWS * this.#bestConnection) return alone.rate
    if (alone) return alone.connection * mostConnections
    return this.#isMeasured ? this.#connection * mostConnections : undefined
  }

  get #isMeasured(): boolean {
    if (this.#hubBytes <= 0 || this.#connectionMs < MEASURED_MS) return false
    return this.#hubBytes >= MEASURED_BYTES || this.#connectionMs >= MEASURED_SLOWLY_MS
  }

  /** Bytes per ms that one connection to the Hub brings. */
  get #connection(): number {
    return this.#hubBytes / this.#connectionMs
  }
}

/** From 0 for nobody else to 1 for a crowd. */
function crowd(peers: number): number {
  return Math.min(1, peers / CROWD)
}

function soonMs(peers: number): number {
  return Math.min(LONGEST_SOON_MS, SOON_MS * Math.max(1, peers / FEW_PEERS))
}
