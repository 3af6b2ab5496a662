import { DfhfError } from '../base/errors.ts'
import { pieceDigest } from '../blob/digest.ts'
import { type ByteRange, pieceRange } from '../blob/pieces.ts'
import { withRetry } from '../http/with-retry.ts'
import type { BlobTransfer } from './blob-transfer.ts'
import { HUB } from './piece-board.ts'

/** The name under which pieces of an earlier run are suspected. */
const EARLIER = ''
/** How long peers may take to name the digests of pieces, in ms. They only say where to look first. */
const DIGESTS_MS = 3_000
/** After so many checks that failed, whatever came from peers is fetched anew: liars may have any number of names. */
const MOST_ROUNDS = 3

interface Suspect {
  readonly piece: number
  readonly origin: string
}

/**
 * Called when a whole blob does not hash to its oid: finds who sent wrong bytes, and takes back what must be fetched
 * again. One such object goes with a transfer, and learns from round to round.
 */
export class Mender {
  readonly #transfer: BlobTransfer
  #rounds = 0

  constructor(transfer: BlobTransfer) {
    this.#transfer = transfer
  }

  /**
   * Compares suspected pieces with the Hub's, disputed ones first, then one of each origin in turn, until one is
   * wrong. All pieces of the peer that sent it are taken back, to come from the Hub this time. Returns when another
   * check of the whole makes sense; throws `verification-failed` when no suspect is left.
   */
  async findWrongPieces(signal: AbortSignal): Promise<void> {
    this.#rounds += 1
    const transfer = this.#transfer
    const suspects = await orderSuspects(transfer, signal)
    if (suspects.length === 0) throw mismatch(transfer)
    if (transfer.hubGate.isGone) return await dropFirstOrigin(transfer, suspects)
    // Single pieces cannot be had from a server that gives no ranges.
    if (transfer.isWhole) return await transfer.revoke(suspects.map(({ piece }) => piece))
    transfer.trustHubAlone()
    if (this.#rounds >= MOST_ROUNDS) {
      const fromPeers = suspects.filter(({ origin }) => origin !== EARLIER)
      if (fromPeers.length > 0) return await transfer.revoke(fromPeers.map(({ piece }) => piece))
    }
    // Wrong pieces of an earlier run need have nothing to do with one another: rot, or several peers of that run.
    let wanted = 2 ** (this.#rounds - 1)
    let isAnyWrong = false
    for (const { piece, origin } of suspects) {
      const isVouchedFor = transfer.vouchedFor.has(piece)
      if (!(await replaceIfWrong(transfer, piece, signal))) continue
      isAnyWrong = true
      if (origin !== EARLIER) {
        blame(transfer, origin, isVouchedFor)
        return await transfer.revoke(transfer.piecesFrom(origin))
      }
      wanted -= 1
      if (wanted === 0) return
    }
    if (!isAnyWrong) throw mismatch(transfer)
  }
}

/** A peer that had only a part may have passed on wrong bytes unknowingly; one that claimed the whole had checked it, or lies. */
function blame(transfer: BlobTransfer, peerId: string, isLie: boolean): void {
  const { swarm, oid } = transfer.parts
  const reason = `sent wrong bytes of blob ${oid.slice(0, 12)}`
  transfer.exclude(peerId)
  if (isLie) swarm?.ban(peerId, reason)
  else swarm?.shun(peerId, reason)
}

/** Pieces that did not come from the Hub in this run: disputed ones first, then in turn from each origin. */
async function orderSuspects(transfer: BlobTransfer, signal: AbortSignal): Promise<Suspect[]> {
  const byOrigin = new Map<string, Suspect[]>()
  for (const piece of transfer.pieces) {
    const origin = transfer.origins.get(piece) ?? EARLIER
    if (origin === HUB) continue
    const queue = byOrigin.get(origin)
    if (queue) queue.push({ piece, origin })
    else byOrigin.set(origin, [{ piece, origin }])
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
    AbortSignal.any([signal, AbortSignal.timeout(DIGESTS_MS)]),
  )
  signal.throwIfAborted()
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
  await transfer.replace(piece, bytes)
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

/** Without the Hub: all pieces of the origin of the first suspect are fetched again, from others. */
async function dropFirstOrigin(transfer: BlobTransfer, suspects: readonly Suspect[]): Promise<void> {
  const origin = suspects[0]?.origin ?? EARLIER
  if (origin !== EARLIER) {
    transfer.exclude(origin)
    transfer.parts.swarm?.shun(
      origin,
      `is suspected of wrong bytes of blob ${transfer.parts.oid.slice(0, 12)}`,
    )
  }
  await transfer.revoke(suspects.filter((suspect) => suspect.origin === origin).map(({ piece }) => piece))
}

function mismatch(transfer: BlobTransfer): DfhfError {
  return new DfhfError('verification-failed', `the bytes received do not hash to ${transfer.parts.oid}`, {
    hint: 'the file on the Hub and its recorded hash disagree; nothing was kept',
  })
}
