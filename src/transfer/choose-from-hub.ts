import { hasStalled, type OwnershipRing, patienceMs, stripeLength } from './ownership-ring.ts'
import { HUB, type Lease, type PieceBoard } from './piece-board.ts'

/** A run of pieces to ask the Hub for. */
export interface HubChoice {
  readonly start: number
  readonly end: number
}

/** What the choice rests on besides the board. Times in ms. */
export interface HubSituation {
  readonly now: number
  readonly patience: number
  /** How long a piece takes this peer from the Hub, 0 while unknown. */
  readonly msPerPiece: number
  /** The longest run worth one request while this peer is alone. */
  readonly longestRun: number
  /** True when the peers that hold the free pieces are too slow to wait for. */
  readonly peersAreSlow: boolean
  /** Whether to look for work of others: worth its cost now and then, not at every piece. */
  readonly mayHelp: boolean
}

/**
 * The next run of pieces to ask the Hub for: pieces that I own first, then, when I have none left, pieces whose
 * owner will not come to them soon and for which I am the first in rank among those that are out of work.
 */
export function chooseFromHub(
  board: PieceBoard,
  ring: OwnershipRing,
  situation: HubSituation,
): HubChoice | undefined {
  const isWanted = (piece: number) => isWantedFromHub(board, piece, situation)
  for (let n = 0; n < board.pieceCount; n += 1) {
    const piece = board.inOrder(n)
    if (!board.isFree(piece) || ring.ownerOf(piece) !== board.self || !isWanted(piece)) continue
    return { start: piece, end: runEnd(board, ring, piece, situation, isWanted) }
  }
  return situation.mayHelp && ring.members.length > 1 ? chooseForOthers(board, ring, situation) : undefined
}

/** True when a piece is missing, nobody has it within reach, and nobody is busy fetching it. */
function isWantedFromHub(board: PieceBoard, piece: number, situation: HubSituation): boolean {
  if (!board.isFree(piece)) return false
  if (board.availability(piece) > 0 && !situation.peersAreSlow) return false
  for (const peer of board.peers.values()) {
    const since = peer.fetching.get(piece)
    if (since === undefined || hasStalled(peer, situation)) continue
    if (situation.now - since < 2 * patienceMs(Math.max(peer.msPerPiece, situation.msPerPiece))) return false
  }
  return true
}

function runEnd(
  board: PieceBoard,
  ring: OwnershipRing,
  start: number,
  situation: HubSituation,
  isWanted: (piece: number) => boolean,
): number {
  const stripe = stripeLength(board.pieceCount)
  const longest = ring.members.length > 1 ? stripe - (start % stripe) : Math.max(stripe, situation.longestRun)
  let end = start + 1
  while (end < board.pieceCount && end - start < longest && isWanted(end)) end += 1
  return end
}

/** Helps an owner whose queue is long, from the end of its queue, so that both meet in the middle. */
function chooseForOthers(
  board: PieceBoard,
  ring: OwnershipRing,
  situation: HubSituation,
): HubChoice | undefined {
  const queues = new Map<string, number[]>()
  for (let n = 0; n < board.pieceCount; n += 1) {
    const piece = board.inOrder(n)
    if (!isWantedFromHub(board, piece, situation)) continue
    const owner = ring.ownerOf(piece)
    if (owner === undefined) continue
    const queue = queues.get(owner)
    if (queue) queue.push(piece)
    else queues.set(owner, [piece])
  }
  const idle = ring.members.filter((id) => !queues.has(id))
  for (const [owner, queue] of queues) {
    const peer = board.peers.get(owner)
    const usual = situation.msPerPiece || 1_000
    const wait = queue.length * (peer?.msPerPiece || usual)
    if (wait < 2 * usual) continue
    for (let at = queue.length - 1; at >= 0; at -= 1) {
      const piece = queue[at]
      if (piece !== undefined && ring.firstInRank(piece, idle) === board.self)
        return { start: piece, end: piece + 1 }
    }
  }
  return undefined
}

/** The shortest rest of a lease, in ms at its present pace, that is still worth splitting. */
const WORTH_SPLITTING_MS = 400

/**
 * When nothing is free any more: the lease with the longest way to go and the piece from which another
 * connection should take over its second half. Keeps the last connection from crawling home alone.
 */
export function chooseSplit(
  board: PieceBoard,
  now: number,
): { readonly lease: Lease; readonly at: number } | undefined {
  let longest: Lease | undefined
  for (const lease of board.leases.values()) {
    if (lease.source !== HUB || lease.end - lease.at < 3) continue
    if (!longest || lease.end - lease.at > longest.end - longest.at) longest = lease
  }
  if (!longest) return undefined
  const landed = longest.at - longest.start + longest.bytes / board.pieceSize
  const msPerPiece = (now - longest.startedAt) / Math.max(landed, 0.25)
  if ((longest.end - longest.at) * msPerPiece < WORTH_SPLITTING_MS) return undefined
  return { lease: longest, at: longest.at + 1 + Math.ceil((longest.end - longest.at - 1) / 2) }
}
