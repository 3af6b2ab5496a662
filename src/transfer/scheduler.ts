import { chooseFromHub, chooseSplit } from './choose-from-hub.ts'
import { chooseFromPeers } from './choose-from-peers.ts'
import { OwnershipRing, patienceMs } from './ownership-ring.ts'
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
/** Bytes per ms from all peers together under which they are slow. */
const MIN_USEFUL_RATE = 1_000
/** Peers that sent nothing at all for this long are silent. */
const SILENCE_MS = 5_000

/**
 * Decides what one peer fetches next and from whom. Pure but for its own memory: the board, the clock and the
 * free connections come in, actions go out. The engine, the tests and the simulator run this same code.
 */
export class Scheduler {
  readonly board: PieceBoard
  readonly ring: OwnershipRing
  #hubMsPerPiece = 0
  #hubRuns = 0
  #peerBytes = 0
  #peerRate = 0
  #peerWindowStart = 0

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
    if (lease.source !== HUB) this.#countFromPeers(bytes, now)
  }

  /** The piece that a lease was fetching is in the file. `tookMs` is what this piece alone took. */
  landed(lease: Lease, tookMs: number): void {
    if (lease.source === HUB) this.#hubMsPerPiece = mean(this.#hubMsPerPiece, tookMs)
    else this.#rate(lease.source, tookMs)
    this.board.landPiece(lease)
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
    if (peer.fetching.has(piece + 1))
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
    const { board } = this
    const { now } = means
    const patience = patienceMs(this.#hubMsPerPiece, board.pieceSize)
    const actions: Action[] = []
    const cut = (lease: Lease, reason: string) => {
      board.endLease(lease)
      actions.push({ type: 'cut', lease, reason })
    }
    this.ring.refresh({ selfAsksHub: means.selfAsksHub, now, patience })
    for (const lease of stalledLeases(board, now, means.stallMs)) cut(lease, 'no bytes for a while')
    for (const lease of this.#twice()) cut(lease, 'the piece came from elsewhere')
    const peersAreSlow = this.#peersAreSlow(now)
    for (const lease of needlessLeases(board, this.ring, { now, patience, peersAreSlow }))
      cut(lease, 'it comes from a peer')
    const { hubShare } = this.ring
    for (const lease of surplusLeases(board, hubShare)) cut(lease, 'more than a fair share of the uplink')
    for (const { lease, end } of overlongLeases(board, this.ring)) board.shrinkLease(lease, end)

    let hubSlots = Math.min(means.hubSlots, hubShare - board.activeLeases(HUB))
    let peerSlots =
      means.peerSlots - [...board.leases.values()].filter((lease) => lease.source !== HUB).length
    const fetch = (source: string, start: number, end: number) => {
      actions.push({ type: 'fetch', lease: board.startLease(source, start, end, now) })
    }
    while (peerSlots > 0) {
      const choice = chooseFromPeers(board, now)
      if (!choice) break
      fetch(choice.peer.id, choice.start, choice.end)
      peerSlots -= 1
    }
    while (means.selfAsksHub && hubSlots > 0) {
      if (!this.#fetchFromHub(means, patience, fetch)) break
      hubSlots -= 1
    }
    if (means.isTick && peerSlots > 0) {
      const hedge = chooseHedge(board, now)
      if (hedge) fetch(hedge.peer.id, hedge.slow.at, hedge.slow.at + 1)
    }
    return actions
  }

  #fetchFromHub(
    means: Means,
    patience: number,
    fetch: (source: string, start: number, end: number) => void,
  ): boolean {
    const { board } = this
    const choice = chooseFromHub(board, this.ring, {
      now: means.now,
      patience,
      msPerPiece: this.#hubMsPerPiece,
      longestRun: Math.max(1, Math.min(2 ** this.#hubRuns, Math.floor(LONGEST_REQUEST / board.pieceSize))),
      peersAreSlow: this.#peersAreSlow(means.now),
      mayHelp: means.isTick,
    })
    if (choice) {
      this.#hubRuns += 0.5
      fetch(HUB, choice.start, choice.end)
      return true
    }
    const split = this.ring.members.length <= 1 ? chooseSplit(board, means.now) : undefined
    if (!split) return false
    const { end } = split.lease
    board.shrinkLease(split.lease, split.at)
    fetch(HUB, split.at, end)
    return true
  }

  /** Leases on a piece that has landed by another lease. */
  #twice(): Lease[] {
    return [...this.board.leases.values()].filter(
      (lease) => lease.at < lease.end && this.board.have.has(lease.at),
    )
  }

  #countFromPeers(bytes: number, now: number): void {
    this.#peerBytes += bytes
    const elapsed = now - this.#peerWindowStart
    if (elapsed < 1_000) return
    this.#peerRate = elapsed > SILENCE_MS ? 0 : mean(this.#peerRate, this.#peerBytes / elapsed)
    this.#peerBytes = 0
    this.#peerWindowStart = now
  }

  /**
   * True when peers hold pieces that I lack but deliver so little that the Hub should be asked although it
   * costs the uplink: under a floor, and under half of what the Hub gives, so that a peer on a slow link of its
   * own does not load the Hub in vain.
   */
  #peersAreSlow(now: number): boolean {
    const { board } = this
    if (this.#peerWindowStart === 0) return false
    const isSilent = now - this.#peerWindowStart > SILENCE_MS
    const rate = isSilent ? 0 : this.#peerRate
    if (rate >= MIN_USEFUL_RATE || (!isSilent && rate === 0)) return false
    const hubRate =
      this.#hubMsPerPiece === 0 ? Number.POSITIVE_INFINITY : board.pieceSize / this.#hubMsPerPiece
    return hubRate > 2 * rate
  }

  #rate(peerId: string, tookMs: number): void {
    const peer = this.board.peers.get(peerId)
    if (peer) peer.rate = mean(peer.rate, this.board.pieceSize / Math.max(tookMs, 0.1))
  }
}

function mean(before: number, sample: number): number {
  return before === 0 ? sample : before * (1 - NEW_WEIGHT) + sample * NEW_WEIGHT
}
