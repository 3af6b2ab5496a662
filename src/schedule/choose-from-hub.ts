import { hasStalled, isQueuedBehind, type OwnershipRing, stripeLength } from './ownership-ring.ts'
import type { HubUse } from './pace.ts'
import { HUB, type Lease, type PieceBoard } from './piece-board.ts'
import { LONG_QUEUE, OVERDUE, WORTH_SPLITTING_MS } from './tuning.ts'

/** A run of pieces to ask the Hub for. */
export interface HubChoice {
  readonly start: number
  readonly end: number
}

/** What the choice rests on besides the board. Times in ms. */
export interface HubSituation {
  readonly now: number
  readonly patience: number
  /** How long a piece usually takes from the Hub, 0 while unknown. */
  readonly msPerPiece: number
  /** The longest run worth one request while this peer is alone. */
  readonly longestRun: number
  /** True when the peers that hold the free pieces are too slow to wait for. */
  readonly peersAreSlow: boolean
  /** How far peers keep this one from the Hub. */
  readonly hubUse: HubUse
  /** Whether to look for work of others: worth its cost now and then, not at every piece. */
  readonly mayHelp: boolean
}

/**
 * The next run of pieces to ask the Hub for: first pieces that this peer owns; when none are left, pieces whose owner
 * will not come to them soon and for which this peer ranks first among those that are out of work.
 */
export function chooseFromHub(
  board: PieceBoard,
  ring: OwnershipRing,
  situation: HubSituation,
): HubChoice | undefined {
  const isMember = ring.members.includes(board.self)
  const isWanted = (piece: number) => isWantedFromHub(board, piece, situation)
  for (let n = 0; isMember && n < board.pieceCount; n += 1) {
    const piece = board.inOrder(n)
    if (!board.isFree(piece) || ring.ownerOf(piece) !== board.self || !isWanted(piece)) continue
    return { start: piece, end: runEnd(board, ring, piece, situation, isWanted) }
  }
  if (situation.hubUse === 'alone' || (situation.hubUse === 'probe' && board.hubLeases === 0))
    return chooseAny(board)
  return isMember && situation.mayHelp && ring.members.length > 1
    ? chooseForOthers(board, ring, situation)
    : undefined
}

/** A free piece, in the last resort one that peers have or fetch: each peer begins at a place of its own. */
function chooseAny(board: PieceBoard): HubChoice | undefined {
  const first = Math.floor(board.jitter(0) * board.pieceCount)
  let free: number | undefined
  for (let n = 0; n < board.pieceCount; n += 1) {
    const piece = (first + n) % board.pieceCount
    if (!board.isFree(piece)) continue
    if (board.availability(piece) === 0 && board.claims(piece) === 0) return { start: piece, end: piece + 1 }
    free ??= piece
  }
  return free === undefined ? undefined : { start: free, end: free + 1 }
}

/** True when a piece is missing, no peer within reach has it, and no peer is busy fetching it. */
function isWantedFromHub(board: PieceBoard, piece: number, situation: HubSituation): boolean {
  if (!board.isFree(piece)) return false
  if (board.availability(piece) > 0 && !situation.peersAreSlow) return false
  return !isClaimed(board, piece, situation)
}

/** True when a peer that makes progress is fetching the piece from the Hub, or will after the one before it. */
export function isClaimed(
  board: PieceBoard,
  piece: number,
  { now, patience }: { readonly now: number; readonly patience: number },
): boolean {
  if (board.claims(piece) === 0) return false
  for (const peer of board.peers.values()) {
    const since = peer.fetching.get(piece)
    if (since === undefined || hasStalled(peer, { now, patience })) continue
    if (isQueuedBehind(peer, piece) || now - since < 2 * patience) return true
  }
  return false
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

/**
 * Helps an owner whose queue is long, from the end of its queue, so that both meet in the middle; when there is
 * none, an owner that is taking too long over one piece.
 */
function chooseForOthers(
  board: PieceBoard,
  ring: OwnershipRing,
  situation: HubSituation,
): HubChoice | undefined {
  const usual = situation.msPerPiece
  // At the beginning no owner is late yet: the news of their first requests may not have arrived.
  if (usual === 0) return undefined
  const queues = new Map<string, number[]>()
  const overdue: number[] = []
  for (let n = 0; n < board.pieceCount; n += 1) {
    const piece = board.inOrder(n)
    if (!board.isFree(piece) || board.availability(piece) > 0) continue
    if (isClaimed(board, piece, situation)) {
      if (isOverdue(board, piece, situation.now - OVERDUE * usual)) overdue.push(piece)
      continue
    }
    const owner = ring.ownerOf(piece)
    if (owner === undefined) continue
    const queue = queues.get(owner)
    if (queue) queue.push(piece)
    else queues.set(owner, [piece])
  }
  const firstIdle = ring.rankAmong(ring.members.filter((id) => !queues.has(id)))
  const isMine = (piece: number) => firstIdle(piece) === board.self
  for (const [owner, queue] of queues) {
    const wait = (queue.length / ring.hubShare) * (board.peers.get(owner)?.msPerPiece || usual)
    const piece = wait < LONG_QUEUE * usual ? undefined : queue.findLast(isMine)
    if (piece !== undefined) return { start: piece, end: piece + 1 }
  }
  const late = overdue.find(isMine)
  return late === undefined ? undefined : { start: late, end: late + 1 }
}

/** True when all peers that are fetching the piece began before `before`. */
function isOverdue(board: PieceBoard, piece: number, before: number): boolean {
  for (const peer of board.peers.values()) {
    const since = peer.fetching.get(piece)
    if (since !== undefined && (isQueuedBehind(peer, piece) || since > before)) return false
  }
  return true
}

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
