import { chooseFromHub, chooseSplit, type HubChoice, type HubSituation } from './choose-from-hub.ts'
import { chooseFromPeers } from './choose-from-peers.ts'
import { isQueuedBehind, OwnershipRing, patienceMs } from './ownership-ring.ts'
import { PeerSupply } from './peer-supply.ts'
import { HUB, type Lease, type PeerView, type PieceBoard } from './piece-board.ts'
import { chooseHedge, needlessLeases, overlongLeases, stalledLeases, surplusLeases } from './rescue.ts'

/** What the scheduler may use at this moment. Times in ms on one clock. */
export interface Means {
  readonly now: number
  /** False where only peers may be asked. */
  readonly selfAsksHub: boolean
  /** Connections to the Hub that may be opened now. */
  readonly hubSlots: number
  /** Ranges from peers that may be open at once, all peers together. */
  readonly peerSlots: number
  /** No bytes for this long, and a range is given up. */
  readonly stallMs: number
  /**
   * True at the beginning, while peers may just not have been found yet: until one is, a single connection to
   * the Hub does, as what more of them bring would mostly be thrown away when it turns out that peers have it.
   */
  readonly isLookingForPeers?: boolean
  /** True at the regular tick, when the dearer questions are asked as well. */
  readonly isTick: boolean
}

/** What to do next: begin a lease, or end one early. The board already reflects it. */
export type Action =
  | { readonly type: 'fetch'; readonly lease: Lease }
  | { readonly type: 'cut'; readonly lease: Lease; readonly reason: string }

/** Weight of a new measurement in the running means. */
const NEW_WEIGHT = 0.3
/** A lone downloader's requests grow from one stripe to this many bytes. */
const LONGEST_REQUEST = 2 ** 25

/**
 * Decides what one peer fetches next and from whom. Pure but for its own memory: the board, the clock and the
 * free connections come in, actions go out. The engine, the tests and the simulator run this same code.
 */
export class Scheduler {
  readonly board: PieceBoard
  readonly ring: OwnershipRing
  #hubMsPerPiece = 0
  #hubRuns = 0
  readonly #supply = new PeerSupply()
  /** A piece landed that is still on its way on another connection. */
  #hasTwins = false

  constructor(board: PieceBoard) {
    this.board = board
    this.ring = new OwnershipRing(board)
  }

  /** How long a piece takes from the Hub on one connection, by this and other peers' measure, in ms; 0 while unknown. */
  get hubMsPerPiece(): number {
    return this.#hubMsPerPiece
  }

  /** Bytes of a lease have arrived. */
  moved(lease: Lease, bytes: number, now: number): void {
    lease.bytes += bytes
    lease.movedAt = now
    if (lease.source !== HUB) this.#supply.count(bytes)
  }

  /** The piece that a lease was fetching is in the file. `tookMs` is what this piece alone took. */
  landed(lease: Lease, tookMs: number): void {
    if (lease.source === HUB) this.#hubMsPerPiece = mean(this.#hubMsPerPiece, tookMs)
    else this.#rate(lease.source, tookMs)
    const piece = lease.at
    this.board.landPiece(lease)
    if (this.board.inFlight(piece) > 0) this.#hasTwins = true
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
    for (const piece of pieces) after.set(piece, before.get(piece) ?? now)
    // To begin a piece is a sign of life, but no measure of how long pieces take.
    if ([...after.keys()].some((piece) => !before.has(piece))) peer.progressAt = now
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
  decide(means: Means): Action[] {
    const { board, ring } = this
    const { now, isTick } = means
    const patience = patienceMs(this.#hubMsPerPiece, board.pieceSize)
    if (isTick) this.#supply.observe(now, board.leases.size > board.hubLeases)
    ring.refresh({ ...means, patience })
    const situation: HubSituation = {
      now,
      patience,
      msPerPiece: this.#hubMsPerPiece,
      longestRun: this.#longestRun(board.hubLeases + means.hubSlots),
      peersAreSlow: this.#supply.isSlow(board.pieceSize / (this.#hubMsPerPiece || 1)),
      mayHelp: isTick,
    }
    return [...this.#cutLeases(means, situation), ...this.#startLeases(means, situation)]
  }

  #cutLeases({ now, stallMs, isTick }: Means, situation: HubSituation): Action[] {
    const { board, ring } = this
    const actions: Action[] = []
    const cut = (leases: readonly Lease[], reason: string) => {
      for (const lease of leases) {
        board.endLease(lease)
        actions.push({ type: 'cut', lease, reason })
      }
    }
    if (isTick) cut(stalledLeases(board, now, stallMs), 'no bytes for a while')
    if (this.#hasTwins) cut(this.#twice(), 'the piece came from elsewhere')
    this.#hasTwins = false
    if (board.hubLeases === 0) return actions
    cut(needlessLeases(board, ring, situation), 'a peer has the piece or fetches it')
    cut(surplusLeases(board, ring.hubShare), 'others need the uplink as well')
    for (const { lease, end } of overlongLeases(board, ring)) board.shrinkLease(lease, end)
    return actions
  }

  #startLeases(means: Means, situation: HubSituation): Action[] {
    const { board } = this
    const { now, peerSlots, isTick } = means
    const actions: Action[] = []
    const fetch = (source: string, { start, end }: HubChoice) => {
      actions.push({ type: 'fetch', lease: board.startLease(source, start, end, now) })
    }
    const canAskPeer = () => board.leases.size - board.hubLeases < peerSlots
    while (canAskPeer()) {
      const choice = chooseFromPeers(board, now)
      if (!choice) break
      fetch(choice.peer.id, choice)
    }
    const hubLimit = this.#hubLimit(means)
    while (board.hubLeases < hubLimit) {
      const choice = this.#chooseFromHub(situation)
      if (!choice) break
      fetch(HUB, choice)
    }
    const hedge = isTick && canAskPeer() ? chooseHedge(board, now) : undefined
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
    return Math.max(1, Math.min(2 ** this.#hubRuns, Math.floor(LONGEST_REQUEST / board.pieceSize), fairShare))
  }

  #hubLimit({ selfAsksHub, hubSlots, isLookingForPeers = false }: Means): number {
    const { board, ring } = this
    if (!selfAsksHub) return 0
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

  /** Leases on a piece that has landed by another lease. */
  #twice(): Lease[] {
    return [...this.board.leases.values()].filter(
      (lease) => lease.at < lease.end && this.board.have.has(lease.at),
    )
  }

  #rate(peerId: string, tookMs: number): void {
    const peer = this.board.peers.get(peerId)
    if (peer) peer.rate = mean(peer.rate, this.board.pieceSize / Math.max(tookMs, 0.1))
  }
}

function mean(before: number, sample: number): number {
  return before === 0 ? sample : before * (1 - NEW_WEIGHT) + sample * NEW_WEIGHT
}
