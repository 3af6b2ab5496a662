import type { PeerView } from './peer-view.ts'
import type { PieceBoard } from './piece-board.ts'
import {
  COMMON_COPIES,
  FAR_COST,
  FULL_LOAD,
  LARGE_CROWD,
  LONGEST_PEER_RUN,
  ORDER_WINDOW,
  QUEUE_STEP_MS,
  RARE_COPIES,
  TAKERS_PER_COPY,
} from './tuning.ts'
import type { Zone } from './zone.ts'

/** A run of pieces and the peer to ask for it. */
export interface PeerChoice {
  readonly peer: PeerView
  readonly start: number
  readonly end: number
}

/**
 * The next run of pieces to take from a peer: the rarest piece that a peer with a free slot has. Among equally rare
 * ones, a process that shares with other downloaders has an order of its own, so that they can exchange pieces; the
 * order stays within a window that moves through the blob, so that the whole-file hash can follow. In a `zone` that is
 * divided near peers come first.
 */
export function chooseFromPeers(board: PieceBoard, now: number, zone?: Zone): PeerChoice | undefined {
  const { reachable } = board
  if (reachable.size === 0) return undefined
  const crowd = countCrowd(board)
  const divided = zone?.isDivided ? zone : undefined
  const mayAsk = (peer: PeerView, piece: number) =>
    peer.have.has(piece) && (!divided || divided.mayAsk(peer, piece, now))
  const sources = new Sources(board, now, crowd.sharing >= LARGE_CROWD)
  let best: number | undefined
  let bestKey = Number.POSITIVE_INFINITY
  for (const piece of reachable) {
    if (!divided && !isMyTurn(board, crowd, piece, now)) continue
    const key = board.availability(piece) * board.pieceCount + place(board, piece, crowd.sharing > 0)
    if (key >= bestKey) continue
    if (!sources.of(piece).some((peer) => mayAsk(peer, piece))) continue
    best = piece
    bestKey = key
  }
  if (best === undefined) return undefined
  const piece = best
  const holders = sources.of(piece)
  const peer = quickest(divided ? holders.filter((source) => mayAsk(source, piece)) : holders, piece)
  if (!peer) return undefined
  // Of what follows in a run from afar other peers of the zone take their share.
  return { peer, start: piece, end: divided && peer.isFar ? piece + 1 : runEnd(board, peer, piece) }
}

/** The peers that may be asked, looked for when a piece needs them: most decisions in a crowd end before that. */
class Sources {
  readonly #board: PieceBoard
  readonly #now: number
  readonly #sparesRare: boolean
  #ready: readonly PeerView[] | undefined
  #unspoken: readonly PeerView[] | undefined

  /** With `sparesRare` the uplinks of peers that hold a rare piece are kept for it. */
  constructor(board: PieceBoard, now: number, sparesRare: boolean) {
    this.#board = board
    this.#now = now
    this.#sparesRare = sparesRare
  }

  /** The peers with a free slot that may be asked for `piece`, if they have it. */
  of(piece: number): readonly PeerView[] {
    this.#ready ??= readyPeers(this.#board, this.#now)
    if (!this.#sparesRare || this.#board.availability(piece) < COMMON_COPIES) return this.#ready
    this.#unspoken ??= withoutRare(this.#board, this.#ready)
    return this.#unspoken
  }
}

/** The peers that hold no rare piece which is missing here. */
function withoutRare(board: PieceBoard, peers: readonly PeerView[]): readonly PeerView[] {
  const rare: number[] = []
  for (const piece of board.reachable) if (board.availability(piece) <= RARE_COPIES) rare.push(piece)
  for (const { at, end } of board.leases.values())
    if (at < end && board.availability(at) <= RARE_COPIES) rare.push(at)
  return rare.length === 0 ? peers : peers.filter((peer) => !rare.some((piece) => peer.have.has(piece)))
}

/** How many other peers of this blob's swarm have all of it, and how many exchange pieces. */
interface Crowd {
  readonly whole: number
  readonly sharing: number
}

function countCrowd(board: PieceBoard): Crowd {
  let whole = 0
  let sharing = 0
  for (const peer of board.peers.values()) {
    if (peer.have.isFull) whole += 1
    else if (peer.have.count > 0 || peer.asksHub) sharing += 1
  }
  return { whole, sharing }
}

/**
 * Whether to take a piece already, or to leave the few peers that have it to others who will pass it on: if all
 * peers that lack a fresh piece asked its only holder at once, each would wait until the holder has served them
 * all. A peer's own number for the piece stands for its place in the queue, so that peers need not agree on one; the
 * queue moves on with each copy, and with time as well, in case those before this peer do not want the piece.
 */
function isMyTurn(board: PieceBoard, { whole, sharing }: Crowd, piece: number, now: number): boolean {
  const copies = board.availability(piece)
  const before = board.jitter(piece) * Math.max(0, sharing + whole - copies)
  return before <= TAKERS_PER_COPY * copies * (1 + (now - board.availableSince(piece)) / QUEUE_STEP_MS)
}

/** The peer with a free slot that will probably deliver `piece` first, leaving out those in `except`. */
export function quickestPeer(
  board: PieceBoard,
  piece: number,
  now: number,
  except: ReadonlySet<string>,
): PeerView | undefined {
  const ready = readyPeers(board, now).filter((peer) => !except.has(peer.id))
  return quickest(ready, piece)
}

/** Where a piece stands in this peer's order, below `pieceCount`. */
function place(board: PieceBoard, piece: number, isShared: boolean): number {
  const n = board.placeOf(piece)
  return isShared ? Math.floor(n / ORDER_WINDOW) + board.jitter(piece) : n / board.pieceCount
}

function readyPeers(board: PieceBoard, now: number): PeerView[] {
  const ready: PeerView[] = []
  for (const peer of board.peers.values()) {
    if (peer.have.count === 0 || now < peer.blockedUntil) continue
    if (peer.active < peer.slots) ready.push(peer)
  }
  return ready
}

function quickest(peers: readonly PeerView[], piece: number): PeerView | undefined {
  const usual = Math.max(...peers.map((peer) => peer.rate), 1)
  let best: PeerView | undefined
  let bestCost = Number.POSITIVE_INFINITY
  for (const peer of peers) {
    if (!peer.have.has(piece)) continue
    // A peer that was never tried counts as quick as the best, or it would never be tried.
    const distance = peer.isFar ? FAR_COST : 1
    const cost = (distance * (1 + peer.active + FULL_LOAD * peer.load)) / (peer.rate || usual)
    if (cost < bestCost) {
      bestCost = cost
      best = peer
    }
  }
  return best
}

/** Longer runs only from whole copies, and only while there is plenty left to share out. */
function runEnd(board: PieceBoard, peer: PeerView, start: number): number {
  if (!peer.have.isFull) return start + 1
  const left = board.pieceCount - board.have.count
  const longest = Math.max(
    1,
    Math.min(LONGEST_PEER_RUN, Math.floor(left / (4 * peer.slots * board.peers.size))),
  )
  let end = start + 1
  while (end < board.pieceCount && end - start < longest && board.isFree(end)) end += 1
  return end
}
