import { DfhfError } from '../base/errors.ts'
import { pieceDigest } from '../blob/digest.ts'
import { type ByteRange, pieceRange } from '../blob/pieces.ts'
import { withRetry } from '../http/with-retry.ts'
import type { BlobTransfer } from './blob-transfer.ts'
import { HUB } from './piece-board.ts'

/** The name under which pieces of an earlier run are suspected. */
const EARLIER = ''

/**
 * Called when the whole blob does not hash to its oid: finds wrong pieces by fetching suspects anew from the
 * Hub, puts them right, and bans the peer that sent them. Disputed pieces are tried first, then one piece of
 * each peer in turn; once a liar is found, all of its pieces. Returns when another check of the whole makes
 * sense; throws `verification-failed` when no suspect is left.
 */
export async function mendBlob(transfer: BlobTransfer, signal: AbortSignal): Promise<void> {
  const suspects = await orderSuspects(transfer, signal)
  if (suspects.length === 0) throw mismatch(transfer)
  if (!transfer.parts.hub) return await dropWorstPeer(transfer, suspects)
  let liar: string | undefined
  let isLie = false
  while (suspects.length > 0) {
    const next = liar === undefined ? 0 : suspects.findIndex((suspect) => suspect.origin === liar)
    const [suspect] = next < 0 ? [] : suspects.splice(next, 1)
    if (!suspect) break
    const isVouchedFor = transfer.vouchedFor.has(suspect.piece)
    if (!(await replaceIfWrong(transfer, suspect.piece, signal))) continue
    liar ??= suspect.origin
    isLie ||= isVouchedFor
  }
  if (liar === undefined) throw mismatch(transfer)
  if (liar !== EARLIER) blame(transfer, liar, isLie)
}

/** Who had only a part may have passed on in good faith what it got itself; who claimed the whole had checked it, or lies. */
function blame(transfer: BlobTransfer, peerId: string, isLie: boolean): void {
  const { swarm, oid } = transfer.parts
  const reason = `sent wrong bytes of blob ${oid.slice(0, 12)}`
  transfer.scheduler.board.removePeer(peerId)
  if (isLie) swarm?.ban(peerId, reason)
  else swarm?.shun(peerId, reason)
}

interface Suspect {
  readonly piece: number
  readonly origin: string
}

/** Pieces that did not come from the Hub in this run: disputed ones first, then in turn from each origin. */
async function orderSuspects(transfer: BlobTransfer, signal: AbortSignal): Promise<Suspect[]> {
  const byOrigin = new Map<string, Suspect[]>()
  for (const piece of transfer.pieces) {
    const origin = transfer.origins.get(piece) ?? EARLIER
    if (origin !== HUB) byOrigin.set(origin, [...(byOrigin.get(origin) ?? []), { piece, origin }])
  }
  const inTurn: Suspect[] = []
  const queues = [...byOrigin.values()]
  for (let turn = 0; queues.some((queue) => turn < queue.length); turn += 1) {
    for (const queue of queues) {
      const suspect = queue[turn]
      if (suspect) inTurn.push(suspect)
    }
  }
  const disputed = await disputedPieces(transfer, inTurn, signal)
  return [
    ...inTurn.filter(({ piece }) => disputed.has(piece)),
    ...inTurn.filter(({ piece }) => !disputed.has(piece)),
  ]
}

/** Pieces for which another peer names a digest that the bytes here do not have. */
async function disputedPieces(
  transfer: BlobTransfer,
  suspects: readonly Suspect[],
  signal: AbortSignal,
): Promise<Set<number>> {
  const { swarm, hashes, file, size } = transfer.parts
  const disputed = new Set<number>()
  if (!swarm) return disputed
  const claims = await swarm.collectDigests(
    suspects.map(({ piece }) => piece),
    signal,
  )
  for (const { piece } of suspects) {
    const named = [...claims.values()].flatMap((digests) => digests.get(piece) ?? [])
    if (named.length === 0) continue
    const own = await hashes.digestOf(file.path, pieceRange(size, piece))
    if (named.some((digest) => digest !== own)) disputed.add(piece)
  }
  return disputed
}

/** Fetches a piece from the Hub; true when the bytes here were different and have been replaced. */
async function replaceIfWrong(transfer: BlobTransfer, piece: number, signal: AbortSignal): Promise<boolean> {
  const { file, size, hashes } = transfer.parts
  const range = pieceRange(size, piece)
  const bytes = await withRetry(() => fetchFromHub(transfer, range, signal), { signal })
  transfer.origins.set(piece, HUB)
  if (pieceDigest(bytes) === (await hashes.digestOf(file.path, range))) return false
  await file.write(bytes, range.start)
  transfer.rewritten()
  return true
}

async function fetchFromHub(
  { parts, tally }: BlobTransfer,
  range: ByteRange,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(range.end - range.start)
  let filled = 0
  for await (const chunk of (await parts.hub?.open(range, { signal })) ?? []) {
    bytes.set(chunk, filled)
    filled += chunk.length
    // It costs the uplink, but it is no progress: the piece was counted when it came the first time.
    tally.add('hub', HUB, chunk.length)
    tally.lose('hub', chunk.length)
  }
  return bytes
}

/** Without the Hub: the peer that sent the first suspect loses all its pieces, which others then give. */
async function dropWorstPeer(transfer: BlobTransfer, suspects: readonly Suspect[]): Promise<void> {
  const origin = suspects[0]?.origin ?? EARLIER
  if (origin !== EARLIER) {
    transfer.scheduler.board.removePeer(origin)
    transfer.parts.swarm?.ban(
      origin,
      `is suspected of wrong bytes of blob ${transfer.parts.oid.slice(0, 12)}`,
    )
  }
  for (const suspect of suspects) if (suspect.origin === origin) await transfer.revoke(suspect.piece)
}

function mismatch(transfer: BlobTransfer): DfhfError {
  return new DfhfError('verification-failed', `the bytes received do not hash to ${transfer.parts.oid}`, {
    hint: 'the file on the Hub and its recorded hash disagree; nothing was kept',
  })
}
