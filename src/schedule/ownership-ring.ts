import { hubMembers, Ownership } from './ownership.ts'
import type { PeerView } from './peer-view.ts'
import type { PieceBoard } from './piece-board.ts'
import {
  AIMED_STRIPES,
  LEAST_HUB_RATE,
  MIN_OWNER_PATIENCE_MS,
  PIECES_OF_PATIENCE,
  SHARED_CONNECTIONS,
} from './tuning.ts'

/** How many neighbouring pieces always have the same owner. */
export function stripeLength(pieceCount: number): number {
  return Math.max(1, Math.ceil(pieceCount / AIMED_STRIPES))
}

/** True when a peer fetches `piece` by the same request as the piece before it, and so after it. */
export function isQueuedBehind(peer: PeerView, piece: number): boolean {
  return piece % stripeLength(peer.have.size) !== 0 && peer.fetching.has(piece - 1)
}

/**
 * How long to wait for an owner without progress. It follows from how long a piece takes from the Hub (0 while
 * unknown) and has no upper bound: where many share a thin uplink, a piece of 16 MiB takes minutes, and a peer
 * that then loses its patience makes it thinner still.
 */
export function patienceMs(msPerPiece: number, pieceSize: number): number {
  return Math.max(MIN_OWNER_PATIENCE_MS, PIECES_OF_PATIENCE * (msPerPiece || pieceSize / LEAST_HUB_RATE))
}

/** What the ring depends on besides the board. Times in ms. */
export interface RingOptions {
  readonly selfAsksHub: boolean
  /** True while this peer waits for no other. */
  readonly isAlone?: boolean
  readonly isTick: boolean
  readonly now: number
  readonly patience: number
}

/**
 * Who asks the Hub for which piece, as this peer sees it: rendezvous hashing over the members that ask the Hub
 * and make progress, or have too many listeners to tell this peer of it. A member that stalls leaves the ring, and its pieces fall to the next in rank; a member
 * that moves again comes back. Every peer computes it alone, from what the others announce.
 */
export class OwnershipRing {
  readonly #board: PieceBoard
  #peerChanges = -1
  #wasAlone = false
  #askedHub = false
  #candidates: readonly string[] = []
  #members: readonly string[] = []
  #hubShare = Number.POSITIVE_INFINITY
  #ownership: Ownership
  readonly #owners = new Map<number, string | undefined>()

  constructor(board: PieceBoard) {
    this.#board = board
    this.#ownership = new Ownership(board.oid, [])
  }

  /** Members of the ring, this peer included when it asks the Hub and ranks high enough. */
  get members(): readonly string[] {
    return this.#members
  }

  /** How many connections to the Hub this peer should have at once. */
  get hubShare(): number {
    return this.#hubShare
  }

  /** Looks again at who is in the ring: when peers came or went, and at the tick, as stalls show by time alone. */
  refresh(options: RingOptions): void {
    const board = this.#board
    if (!options.isTick && !this.#hasChanged(options)) return
    this.#peerChanges = board.peerChanges
    this.#wasAlone = options.isAlone === true
    this.#askedHub = options.selfAsksHub
    const candidates = options.selfAsksHub ? [board.self] : []
    for (const peer of options.isAlone ? [] : board.peers.values()) {
      if (peer.asksHub && !peer.have.isFull && !hasStalled(peer, options)) candidates.push(peer.id)
    }
    if (!options.isAlone) candidates.push(...board.crowded)
    const isSame =
      candidates.length === this.#candidates.length &&
      candidates.every((id, at) => id === this.#candidates[at])
    if (isSame) return
    this.#candidates = candidates
    this.#members = hubMembers(board.oid, candidates)
    this.#hubShare = shareOf(board.self, this.#members)
    this.#ownership = new Ownership(board.oid, this.#members)
    this.#owners.clear()
  }

  /** The member that asks the Hub for a piece, or undefined when no member does. */
  ownerOf(piece: number): string | undefined {
    const stripe = this.#stripeOf(piece)
    if (!this.#owners.has(stripe)) this.#owners.set(stripe, this.#ownership.ownerOf(stripe))
    return this.#owners.get(stripe)
  }

  /** Says for a piece which one of `candidates` ranks highest. */
  rankAmong(candidates: readonly string[]): (piece: number) => string | undefined {
    const ownership = new Ownership(this.#board.oid, candidates)
    return (piece) => ownership.ownerOf(this.#stripeOf(piece))
  }

  #hasChanged({ selfAsksHub, isAlone = false }: RingOptions): boolean {
    if (this.#board.peerChanges !== this.#peerChanges) return true
    return isAlone !== this.#wasAlone || selfAsksHub !== this.#askedHub
  }

  #stripeOf(piece: number): number {
    return Math.floor(piece / stripeLength(this.#board.pieceCount))
  }
}

function shareOf(self: string, members: readonly string[]): number {
  if (members.length <= 1) return Number.POSITIVE_INFINITY
  return members.includes(self) ? Math.ceil(SHARED_CONNECTIONS / members.length) : 0
}

/** True when a peer that has work to do has landed nothing for longer than `patience`. */
export function hasStalled(
  peer: PeerView,
  options: { readonly now: number; readonly patience: number },
): boolean {
  return options.now - peer.progressAt > options.patience
}
