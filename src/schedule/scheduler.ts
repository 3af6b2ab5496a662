import { chooseFromHub, chooseSplit, type HubChoice, type HubSituation } from './choose-from-hub.ts'
import { chooseFromPeers } from './choose-from-peers.ts'
import { takeHeldBack } from './held-back.ts'
import { isQueuedBehind, OwnershipRing, patienceMs } from './ownership-ring.ts'
import { type HubUse, Pace } from './pace.ts'
import { PeerSupply } from './peer-supply.ts'
import type { PeerView } from './peer-view.ts'
import { HUB, type Lease, type PieceBoard } from './piece-board.ts'
import {
  chooseHedge,
  landedLeases,
  needlessLeases,
  overlongLeases,
  overtakenLeases,
  stalledLeases,
  surplusLeases,
} from './rescue.ts'
import { HUB_CONNECTIONS, LEAST_MOVE_BYTES, LONGEST_REQUEST_BYTES, NEW_WEIGHT } from './tuning.ts'
import { Zone } from './zone.ts'

/** What the scheduler may use at this moment. Times in ms on one clock. */
export interface DecisionInput {
  readonly now: number
  /** False where only peers may be asked. */
  readonly selfAsksHub: boolean
  /** Connections to the Hub that may be opened now. */
  readonly hubSlots: number
  /** True while the Hub is left alone because it failed or said so. @default false */
  readonly isHubPaused?: boolean
  /** Ranges from peers that may be open at once, all peers together. */
  readonly peerSlots: number
  /** Connections to the Hub that this blob would have at the most without peers. @default HUB_CONNECTIONS */
  readonly mostHubConnections?: number
  /** True once peers have sent wrong bytes: what is missing then comes from the Hub alone. */
  readonly trustsHubAlone?: boolean
  /** No bytes for this long, and a range is given up. */
  readonly stallMs: number
  /**
   * True at the beginning, while peers may exist that are not found yet: until one is, there is a single connection to
   * the Hub, as most of what further ones bring would be thrown away when it turns out that peers have it.
   */
  readonly isLookingForPeers?: boolean
  /** True at the regular tick, when the scheduler also makes the decisions that cost more to compute. */
  readonly isTick: boolean
}

/** What to do next: begin a lease, or end one early. The board already reflects it. */
export type Action =
  | { readonly type: 'fetch'; readonly lease: Lease }
  | { readonly type: 'cut'; readonly lease: Lease; readonly reason: CutReason }

/**
 * Why a lease ends early: it brings too little; its piece came from elsewhere; a peer has the piece or fetches it; others
 * need the uplink as well; the Hub is quicker than the peer.
 */
type CutReason = 'stalled' | 'landed elsewhere' | 'needless' | 'surplus' | 'overtaken'

/**
 * Decides what one peer fetches next and from whom. Deterministic: the board, the clock and the free connections come
 * in, actions go out. The engine, the tests and the simulator run this same code.
 */
export class Scheduler {
  readonly board: PieceBoard
  readonly ring: OwnershipRing
  /** How long a piece takes from the Hub on one connection, by this and other peers' measure, in ms; 0 while unknown. */
  #hubMsPerPiece = 0
  #hubRuns = 0
  /** The same by this peer's own measure alone, which no other can distort. */
  #ownMsPerPiece = 0
  readonly #zone: Zone
  readonly #supply = new PeerSupply()
  readonly #pace: Pace
  /** True when a piece has landed while another connection still fetches it. */
  #hasDuplicates = false

  /** `wariness` is how often peers brought nothing lately. */
  constructor(board: PieceBoard, wariness = 0) {
    this.board = board
    this.ring = new OwnershipRing(board)
    this.#zone = new Zone(board)
    this.#pace = new Pace(board.jitter(0), wariness)
  }

  /** True once the Hub was asked because peers brought too little. */
  get hasDoubted(): boolean {
    return this.#pace.hasDoubted
  }

  /** Bytes of a lease have arrived. */
  moved(lease: Lease, bytes: number, now: number): void {
    lease.bytes += bytes
    lease.sinceMove += bytes
    if (lease.sinceMove >= LEAST_MOVE_BYTES) {
      lease.movedAt = now
      lease.sinceMove = 0
    }
    const waitedMs = lease.receivedAt === undefined ? undefined : now - lease.receivedAt
    this.#pace.count(lease.source === HUB ? 'hub' : 'peers', bytes, now, waitedMs)
    lease.receivedAt = now
    if (lease.source !== HUB) this.#supply.count(bytes)
  }

  /** Bytes that had arrived are worth nothing. */
  lost(source: string, bytes: number): void {
    this.#pace.lose(source === HUB ? 'hub' : 'peers', bytes)
  }

  /** The piece that a lease was fetching is in the file. `tookMs` is what this piece alone took. */
  landed(lease: Lease, tookMs: number): void {
    if (lease.source === HUB) {
      this.#hubMsPerPiece = mean(this.#hubMsPerPiece, tookMs)
      this.#ownMsPerPiece = mean(this.#ownMsPerPiece, tookMs)
    } else this.#rate(lease.source, tookMs)
    const piece = lease.at
    lease.pieceStartedAt += tookMs
    this.board.landPiece(lease)
    if (this.board.inFlight(piece) > 0) this.#hasDuplicates = true
  }

  /** A peer says that it has a piece now. */
  peerLanded(peer: PeerView, piece: number, now: number): void {
    if (!this.board.peerHas(peer, piece, now)) return
    peer.progressAt = now
    const since = peer.fetching.get(piece)
    if (since === undefined) return
    peer.msPerPiece = mean(peer.msPerPiece, now - since)
    this.#hubMsPerPiece = mean(this.#hubMsPerPiece, now - since)
    // The next one of the same run begins only now.
    if (peer.fetching.has(piece + 1) && isQueuedBehind(peer, piece + 1))
      this.board.peerFetches(peer, new Map([...peer.fetching, [piece + 1, now]]))
  }

  /** A peer says which pieces it is fetching from the Hub. */
  peerFetches(peer: PeerView, pieces: Iterable<number>, now: number): void {
    const before = peer.fetching
    const after = new Map<number, number>()
    for (const piece of pieces) {
      const claimedAt = peer.claimedAt.get(piece)
      after.set(piece, before.get(piece) ?? claimedAt ?? now)
      // To begin a piece is a sign of life, but no measure of how long pieces take; to begin it again is none.
      if (claimedAt !== undefined) continue
      peer.claimedAt.set(piece, now)
      peer.progressAt = now
    }
    this.board.peerFetches(peer, after)
  }

  /** Pieces on their way from the Hub to this peer, as others are told. */
  fetchingFromHub(): number[] {
    const pieces: number[] = []
    for (const lease of this.board.leases.values()) {
      if (lease.source !== HUB) continue
      for (let piece = lease.at; piece < lease.end; piece += 1) pieces.push(piece)
    }
    return pieces
  }

  /** What to do now. Call it after every change and at a regular tick. */
  decide(means: DecisionInput): Action[] {
    const { board, ring } = this
    const { now, isTick } = means
    const patience = patienceMs(this.#hubMsPerPiece, board.pieceSize)
    if (isTick) this.#observe(means)
    const hubUse = this.#hubUse(means)
    ring.refresh({ ...means, patience, isAlone: hubUse === 'alone' })
    const situation: HubSituation = {
      now,
      patience,
      msPerPiece: this.#hubMsPerPiece,
      longestRun: this.#longestRun(board.hubLeases + means.hubSlots),
      peersAreSlow: this.#supply.isSlow(board.pieceSize / (this.#hubMsPerPiece || 1)),
      mayHelp: isTick,
      hubUse,
    }
    const cuts = this.#cutLeases(means, situation)
    const mayTakeBack = isTick && hubUse === 'shared' && means.selfAsksHub && means.hubSlots > 0
    const taken = mayTakeBack ? takeHeldBack(board, now) : undefined
    const rescue = taken ? [...cutting(taken.cut, 'overtaken'), fetching(taken.lease)] : []
    return [...cuts, ...rescue, ...this.#startLeases(means, situation)]
  }

  #cutLeases({ now, stallMs, hubSlots, isTick }: DecisionInput, situation: HubSituation): Action[] {
    const { board, ring } = this
    const actions: Action[] = []
    const cut = (leases: readonly Lease[], reason: CutReason) => {
      for (const lease of leases) board.endLease(lease)
      actions.push(...cutting(leases, reason))
    }
    if (isTick) cut(stalledLeases(board, now, stallMs), 'stalled')
    if (this.#hasDuplicates) cut(landedLeases(board), 'landed elsewhere')
    this.#hasDuplicates = false
    const overtaking = { alone: hubSlots, probe: Math.min(hubSlots, 1 - board.hubLeases), shared: 0 }[
      situation.hubUse
    ]
    // Pieces that a peer was asked for and has not begun to send are free again for the Hub.
    if (overtaking > 0 && board.freeCount === 0)
      for (const lease of board.leases.values())
        if (lease.source !== HUB) board.shrinkLease(lease, lease.at + 1)
    if (overtaking > 0)
      cut(overtakenLeases(board, { now, hubMsPerPiece: this.#ownMsPerPiece, most: overtaking }), 'overtaken')
    if (board.hubLeases === 0 || situation.hubUse !== 'shared') return actions
    cut(needlessLeases(board, ring, situation), 'needless')
    cut(surplusLeases(board, ring.hubShare), 'surplus')
    for (const { lease, end } of overlongLeases(board, ring)) board.shrinkLease(lease, end)
    return actions
  }

  #startLeases(means: DecisionInput, situation: HubSituation): Action[] {
    const { board } = this
    const { now, peerSlots, isTick } = means
    const actions: Action[] = []
    const fetch = (source: string, { start, end }: HubChoice) => {
      const lease = board.startLease(source, start, end, now)
      lease.isFirm = source === HUB && situation.hubUse === 'alone' && !this.#pace.isTrial
      actions.push(fetching(lease))
    }
    const canAskPeer = () => board.leases.size - board.hubLeases < peerSlots
    const askPeers = () => {
      while (canAskPeer()) {
        const choice = chooseFromPeers(board, now, this.#zone)
        if (!choice) break
        fetch(choice.peer.id, choice)
      }
    }
    const askHub = () => {
      const limit = this.#hubLimit(means, situation.hubUse)
      while (board.hubLeases < limit) {
        const choice = this.#chooseFromHub(situation)
        if (!choice) break
        fetch(HUB, choice)
      }
    }
    // Peers give what they have, and the Hub the rest; where they keep the transfer waiting it is the other way round.
    for (const ask of situation.hubUse === 'shared' ? [askPeers, askHub] : [askHub, askPeers]) ask()
    const hedge =
      isTick && situation.hubUse === 'shared' && canAskPeer() ? chooseHedge(board, now) : undefined
    if (hedge) fetch(hedge.peer.id, { start: hedge.slow.at, end: hedge.slow.at + 1 })
    return actions
  }

  /**
   * Requests grow while there is much left, and shrink towards the end: connections that finish together need not
   * take over from one another, which costs what the server had already sent.
   */
  #longestRun(connections: number): number {
    const { board } = this
    const fairShare = Math.ceil((board.pieceCount - board.have.count) / (2 * Math.max(1, connections)))
    return Math.max(
      1,
      Math.min(2 ** this.#hubRuns, Math.floor(LONGEST_REQUEST_BYTES / board.pieceSize), fairShare),
    )
  }

  /** How far peers keep this transfer from the Hub now. */
  #hubUse({ selfAsksHub, trustsHubAlone }: DecisionInput): HubUse {
    if (!selfAsksHub) return 'shared'
    return trustsHubAlone ? 'alone' : this.#pace.use
  }

  #observe({ now, mostHubConnections = HUB_CONNECTIONS, isHubPaused }: DecisionInput): void {
    const { board } = this
    this.#zone.refresh()
    this.#supply.observe(now, board.leases.size > board.hubLeases)
    this.#pace.observe({
      now,
      hubConnections: board.hubLeases,
      mostConnections: mostHubConnections,
      peers: board.peers.size + board.crowded.size,
      size: board.pieceCount * board.pieceSize,
      isHubPaused,
    })
  }

  #hubLimit({ selfAsksHub, hubSlots, isLookingForPeers = false }: DecisionInput, hubUse: HubUse): number {
    const { board, ring } = this
    if (!selfAsksHub) return 0
    if (hubUse === 'probe') return Math.min(board.hubLeases + hubSlots, Math.max(1, ring.hubShare))
    const share = isLookingForPeers && board.peers.size === 0 ? 1 : ring.hubShare
    return Math.min(board.hubLeases + hubSlots, share)
  }

  #chooseFromHub(situation: HubSituation): HubChoice | undefined {
    const { board, ring } = this
    const choice = chooseFromHub(board, ring, situation)
    if (choice) {
      this.#hubRuns += 0.5
      return choice
    }
    const split = ring.members.length <= 1 ? chooseSplit(board, situation.now) : undefined
    if (!split) return undefined
    const { end } = split.lease
    board.shrinkLease(split.lease, split.at)
    return { start: split.at, end }
  }

  #rate(peerId: string, tookMs: number): void {
    const peer = this.board.peers.get(peerId)
    if (peer) peer.rate = mean(peer.rate, this.board.pieceSize / Math.max(tookMs, 0.1))
  }
}

function fetching(lease: Lease): Action {
  return { type: 'fetch', lease }
}

function cutting(leases: readonly Lease[], reason: CutReason): Action[] {
  return leases.map((lease) => ({ type: 'cut', lease, reason }))
}

function mean(before: number, sample: number): number {
  return before === 0 ? sample : before * (1 - NEW_WEIGHT) + sample * NEW_WEIGHT
}
