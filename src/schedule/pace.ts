import type { SourceKind } from '../blob/blob-source.ts'
import { type HubSpeed, HubTurn } from './hub-turn.ts'
import {
  COST_OF_TRIALS_SHARE,
  CROWD,
  DOUBT_IN_A_CROWD_MS,
  DOUBT_MS,
  FEW_PEERS,
  FIRST_TURN_MS,
  HUB_RATE_WINDOW_MS,
  LEAST_HUB_CONNECTION_RATE,
  LONGEST_TURN_MS,
  MEASURED_BYTES,
  MEASURED_MS,
  MEASURED_QUICKLY_MS,
  MEMORY_MS,
  MOST_CREDIT_MS,
  PATIENCE_IN_A_CROWD_MS,
  PATIENCE_SHARE,
  RETRIAL_MS,
  SHARE_THAT_PAYS,
  SOME_BYTES,
  SOME_MS,
  SOON_MS,
  SPREAD_MS,
  STILL_GROWS_SHARE,
  SWARM_PATIENCE_MS,
  WARINESS_SHARE,
} from './tuning.ts'

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
  /** Bytes of the blob. */
  readonly size: number
  /** True while the Hub is left alone because it failed or said so. @default false */
  readonly isHubPaused?: boolean | undefined
}

/**
 * Decides how far peers may keep a transfer from the Hub. Words of peers cost nothing, so only bytes count: time that
 * passes is a debt, which bytes that come in pay off at the rate at which the Hub would have given them. When the debt
 * outgrows the patience, the Hub is asked for everything, in turns that grow. Peers that lie or hold back can thus not
 * make a transfer take longer than twice the time alone and the patience. Deterministic: events and the time come in.
 */
export class Pace {
  readonly #spreadMs: number
  readonly #wariness: number
  #hasDoubted = false
  #use: HubUse = 'shared'
  #debtMs = 0
  /** Time that has passed, and what came in it, since the last look; while nothing is known of the Hub, since the first. */
  #elapsedMs = 0
  #fromHub = 0
  #fromPeers = 0
  /** How much time passed before the first bytes. */
  #firstBytesMs: number | undefined
  #seenAt: number | undefined
  #hasMetPeers = false
  /** When peers last brought something new, and what they had brought by then; the same bytes again are nothing new. */
  #peersGaveAt = Number.NEGATIVE_INFINITY
  #peersHadGiven = 0
  #peersHaveGiven = 0
  /** What single connections to the Hub brought lately, and in how many ms. */
  #hubBytes = 0
  #connectionMs = 0
  /** How long connections to the Hub were at work, all together. */
  #workedMs = 0
  /** The most bytes per ms that one connection to the Hub has brought, and all together in a window. */
  #bestConnection = 0
  #bestRate = 0
  #window = { startedAt: 0, hubBytes: 0 }
  /** Bytes per ms that the Hub gave when it was asked for everything, in all and by connection; undefined before. */
  #alone: HubSpeed | undefined
  #turn = new HubTurn(0, false)
  #turnMs = FIRST_TURN_MS

  /** `place` is a number from 0 up to 1 that differs from peer to peer; `wariness` is how often peers brought nothing lately. */
  constructor(place: number, wariness = 0) {
    this.#spreadMs = place * SPREAD_MS
    this.#wariness = wariness
  }

  /** True once the Hub was asked because peers brought too little. */
  get hasDoubted(): boolean {
    return this.#hasDoubted
  }

  get use(): HubUse {
    return this.#use
  }

  /** True while the Hub is asked for everything only to find out how fast it is. */
  get isTrial(): boolean {
    return this.#use === 'alone' && this.#turn.isTrial
  }

  /** Bytes arrived at `now`; `waitedMs` is the time since the last ones on the same connection, undefined for the first. */
  count(kind: SourceKind, bytes: number, now: number, waitedMs?: number): void {
    if (kind === 'peers') this.#countPeers(bytes, now)
    else this.#countHub(bytes, now, waitedMs)
  }

  /** Bytes that had arrived turned out to be worth nothing. */
  lose(kind: SourceKind, bytes: number): void {
    if (kind === 'peers') {
      this.#fromPeers -= bytes
      this.#peersHaveGiven -= bytes
    } else this.#fromHub -= bytes
  }

  #countPeers(bytes: number, now: number): void {
    this.#fromPeers += bytes
    this.#peersHaveGiven += bytes
    if (this.#peersHaveGiven < this.#peersHadGiven + SOME_BYTES) return
    this.#peersHadGiven = this.#peersHaveGiven
    this.#peersGaveAt = now
  }

  #countHub(bytes: number, now: number, waitedMs: number | undefined): void {
    const turn = this.#turn
    this.#fromHub += bytes
    this.#window.hubBytes += bytes
    turn.count(bytes, now)
    if (waitedMs === undefined || bytes < LEAST_HUB_CONNECTION_RATE * waitedMs) return
    this.#hubBytes += bytes
    this.#connectionMs += waitedMs
    this.#workedMs += waitedMs
    turn.countWorking(bytes, waitedMs)
  }

  /** Looks at how it goes; to be called some times a second. */
  observe(sight: Sight): void {
    const elapsedMs = sight.now - (this.#seenAt ?? sight.now)
    this.#seenAt = sight.now
    if (sight.peers > 0) this.#hasMetPeers = true
    this.#measure(sight, elapsedMs)
    // Of many peers each would go on, and all at once when the Hub may be asked again.
    if (sight.isHubPaused && sight.peers <= FEW_PEERS) this.#turn.hold(elapsedMs)
    // A peer that is alone waits for no other.
    if (this.#hasMetPeers) {
      this.#account(sight, elapsedMs)
      this.#use = this.#use === 'alone' ? this.#goOnAlone(sight) : this.#chooseAmongPeers(sight)
      if (this.#use !== 'shared') this.#hasDoubted = true
    }
  }

  #measure({ now, hubConnections, peers }: Sight, elapsedMs: number): void {
    const memory = 0.5 ** (elapsedMs / MEMORY_MS)
    // What is known is not forgotten while nothing new is learned.
    if (hubConnections > 0) {
      this.#hubBytes *= memory
      this.#connectionMs *= memory
    }
    if (this.#isMeasured) this.#bestConnection = Math.max(this.#bestConnection, this.#connection)
    const windowMs = now - this.#window.startedAt
    if (windowMs >= HUB_RATE_WINDOW_MS) {
      this.#bestRate = Math.max(this.#bestRate, this.#window.hubBytes / windowMs)
      this.#window = { startedAt: now, hubBytes: 0 }
    }
    if (this.#use === 'alone') this.#alone = this.#turn.speed(now, peers) ?? this.#alone
  }

  #account(sight: Sight, elapsedMs: number): void {
    if (this.#fromHub + this.#fromPeers > 0) this.#firstBytesMs ??= this.#elapsedMs
    this.#elapsedMs += elapsedMs
    const rate = this.#hubRate(sight)
    if (rate === undefined) return
    const worth = this.#fromHub + this.#fromPeers / SHARE_THAT_PAYS
    this.#debtMs = Math.max(this.#debtMs + this.#elapsedMs - worth / rate, -MOST_CREDIT_MS)
    if (this.#debtMs <= 0) this.#turnMs = FIRST_TURN_MS
    this.#elapsedMs = 0
    this.#fromHub = 0
    this.#fromPeers = 0
  }

  #chooseAmongPeers(sight: Sight): HubUse {
    const isMeasured = this.#hubRate(sight) !== undefined
    if (!isMeasured && !this.#isDoubtful(sight)) return 'shared'
    // Where the one connection that was to measure the Hub is a broken one, the time that passes is the debt.
    if (this.#debtMs + this.#elapsedMs < this.#patience(sight)) return isMeasured ? 'shared' : 'probe'
    // While peers do bring something, or nothing is known of the Hub, it is first found out what it would bring, at little cost.
    // Among many peers in any case: what one connection brought says too much of a thin uplink that all of them share. Three
    // of 24 that asked such a Hub for everything with 16 connections each made it send 2.4 copies, in 2.6 times the time.
    const isUnsure = !isMeasured || sight.peers > FEW_PEERS || sight.now - this.#peersGaveAt < SOME_MS
    // Of peers that brought nothing to the transfer before, enough is known.
    const isTrial = this.#alone === undefined && isUnsure && this.#wariness === 0
    this.#turn = new HubTurn(sight.now, isTrial)
    return 'alone'
  }

  /** True when, at the pace of the peers so far, the blob takes longer than needs no question. */
  #isDoubtful({ now, peers, size }: Sight): boolean {
    const doubtMs = DOUBT_MS * this.#calm(peers) + DOUBT_IN_A_CROWD_MS * crowd(peers)
    if (this.#elapsedMs < doubtMs) return false
    if (now - this.#peersGaveAt > SOME_MS) return true
    // The wait for the first bytes says nothing of the rate.
    const waitedMs = this.#firstBytesMs ?? 0
    const rate = (this.#fromHub + this.#fromPeers) / (this.#elapsedMs - waitedMs)
    return rate <= 0 || waitedMs + size / rate > SOON_MS
  }

  #goOnAlone(sight: Sight): HubUse {
    const { isTrial } = this.#turn
    const tookMs = this.#turn.lastedMs(sight.now)
    if (isTrial) {
      const enough = Math.max(MEASURED_BYTES, (sight.size * COST_OF_TRIALS_SHARE) / Math.max(1, sight.peers))
      const isMeasured = this.#turn.hasMeasured(sight.now, sight.peers, enough)
      return isMeasured || tookMs >= FIRST_TURN_MS ? 'shared' : 'alone'
    }
    if (tookMs < this.#turnMs) return 'alone'
    this.#turnMs = Math.min(LONGEST_TURN_MS, 2 * this.#turnMs)
    this.#debtMs = Math.min(this.#debtMs + this.#elapsedMs, this.#patience(sight) - RETRIAL_MS)
    this.#elapsedMs = 0
    return 'shared'
  }

  #patience(sight: Sight): number {
    const rate = this.#hubRate(sight)
    // A measure that few connections gave may be wrong: it earns no more patience than they took for it.
    const share = rate === undefined ? 0 : Math.min((PATIENCE_SHARE * sight.size) / rate, this.#workedMs)
    const ownMs = (SWARM_PATIENCE_MS + this.#spreadMs) * this.#calm(sight.peers)
    return ownMs + PATIENCE_IN_A_CROWD_MS * crowd(sight.peers) + share
  }

  /** The share of the times for doubt and patience that is left; all of it in a crowd, whose peers must not all ask the Hub at once. */
  #calm(peers: number): number {
    return (1 - WARINESS_SHARE * (1 - crowd(peers))) ** this.#wariness
  }

  /**
   * Bytes per ms that the Hub gives, or would give at the most: what one connection brings times how many there may be,
   * or, where many together were seen to bring less, what these brought. Undefined while nothing is known of it.
   */
  #hubRate({ mostConnections }: Sight): number | undefined {
    const alone = this.#alone
    if (alone && alone.connection < STILL_GROWS_SHARE * this.#bestConnection)
      return Math.max(alone.rate, this.#bestRate)
    if (alone) return alone.connection * mostConnections
    return this.#isMeasured ? this.#connection * mostConnections : undefined
  }

  get #isMeasured(): boolean {
    if (this.#hubBytes <= 0 || this.#connectionMs < MEASURED_QUICKLY_MS) return false
    return this.#hubBytes >= MEASURED_BYTES || this.#connectionMs >= MEASURED_MS
  }

  /** Bytes per ms that one connection to the Hub brings. */
  get #connection(): number {
    return this.#hubBytes / this.#connectionMs
  }
}

/** From 0 for no peers to 1 for a crowd of them. */
function crowd(peers: number): number {
  return Math.min(1, peers / CROWD)
}
