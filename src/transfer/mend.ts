import { DfhfError } from '../base/errors.ts'
import { pieceDigest } from '../blob/digest.ts'
import { type ByteRange, pieceRange } from '../blob/pieces.ts'
import { RangeIgnoredError } from '../http/range-request.ts'
import { withRetry } from '../http/with-retry.ts'
import { HUB } from '../schedule/piece-board.ts'
import { DIGESTS_MS, MOST_COMPARED, SUSPECT_PATIENCE_MS } from '../schedule/tuning.ts'
import type { BlobTransfer } from './blob-transfer.ts'

/** The name under which pieces of an earlier run are suspected. */
const EARLIER = ''

interface Suspect {
  readonly piece: number
  readonly origin: string
}

/** A piece that was taken back, as it was. */
interface Exhibit extends Suspect {
  readonly digest: string
  /** Its sender claimed to have the whole blob, and so to have checked it. */
  readonly isVouchedFor: boolean
}

/**
 * Called when a whole blob does not hash to its oid: takes back what is or may be wrong, so that it is fetched again, and
 * names those that sent wrong bytes once the right ones are here. One such object goes with a transfer.
 */
export class Mender {
  readonly #transfer: BlobTransfer
  readonly #exhibits = new Map<number, Exhibit>()

  constructor(transfer: BlobTransfer) {
    this.#transfer = transfer
  }

  /**
   * Takes back pieces of an earlier run that rotted on disk, where there are any. Else compares some suspected pieces
   * with the Hub's, disputed ones first, then one of each origin in turn: all pieces of a peer that sent a wrong one are
   * taken back, and all that came from peers when none of these is wrong. They come from the Hub this time, where it may
   * be asked. Returns when another check of the whole makes sense; throws `verification-failed` when no suspect is left.
   */
  async findWrongPieces(signal: AbortSignal): Promise<void> {
    const transfer = this.#transfer
    const rotten = await transfer.parts.file.findRotten()
    if (rotten.length > 0) return await transfer.revoke(rotten)
    const suspects = await orderSuspects(transfer, signal)
    if (suspects.length === 0) throw mismatch(transfer)
    const guilty = transfer.hubGate.isGone ? suspects[0] : await this.#compare(suspects, signal)
    if (guilty && guilty.origin !== EARLIER) transfer.exclude(guilty.origin)
    const fromPeers = suspects.filter(({ origin }) => origin !== EARLIER)
    if (guilty) await this.#takeBack(suspects.filter(({ origin }) => origin === guilty.origin))
    else await this.#takeBack(fromPeers.length > 0 ? fromPeers : suspects)
  }

  /** To be called when the blob is right: bans and shuns those whose pieces were not. */
  async blame(): Promise<void> {
    const { hashes, file, size, swarm, oid } = this.#transfer.parts
    const liars = new Map<string, boolean>()
    for (const { piece, origin, digest, isVouchedFor } of this.#exhibits.values()) {
      if (origin === EARLIER || liars.get(origin) === true) continue
      if (digest === (await hashes.digestOf(file.path, pieceRange(size, piece)))) continue
      liars.set(origin, isVouchedFor)
    }
    const reason = `sent wrong bytes of blob ${oid.slice(0, 12)}`
    // A peer that had only a part may have passed on wrong bytes unknowingly; one that claimed the whole had checked it, or lies.
    for (const [origin, isLie] of liars) {
      if (isLie) swarm?.ban(origin, reason)
      else swarm?.shun(origin, reason)
    }
  }

  /** A suspect that the Hub shows to be wrong; undefined when none of those compared is, or the Hub gives no ranges. */
  async #compare(suspects: readonly Suspect[], signal: AbortSignal): Promise<Suspect | undefined> {
    const transfer = this.#transfer
    transfer.trustHubAlone()
    if (transfer.isWhole) return undefined
    const some = suspects.slice(0, MOST_COMPARED)
    try {
      const verdicts = await Promise.all(some.map(({ piece }) => isWrong(transfer, piece, signal)))
      for (const [at, { piece }] of some.entries()) if (!verdicts[at]) transfer.origins.set(piece, HUB)
      return some.find((_, at) => verdicts[at])
    } catch (error) {
      if (!(error instanceof RangeIgnoredError)) throw error
      transfer.becomeWhole()
      return undefined
    }
  }

  async #takeBack(suspects: readonly Suspect[]): Promise<void> {
    const transfer = this.#transfer
    const { hashes, file, size } = transfer.parts
    const unproven = suspects.filter(({ piece }) => transfer.origins.get(piece) !== HUB)
    for (const { piece, origin } of unproven) {
      const digest = await hashes.digestOf(file.path, pieceRange(size, piece))
      this.#exhibits.set(piece, { piece, origin, digest, isVouchedFor: transfer.vouchedFor.has(piece) })
    }
    await transfer.revoke(unproven.map(({ piece }) => piece))
  }
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

/** True when the Hub has other bytes of a piece than those that are here. */
async function isWrong(transfer: BlobTransfer, piece: number, signal: AbortSignal): Promise<boolean> {
  const { file, size, hashes } = transfer.parts
  const range = pieceRange(size, piece)
  const fetched = { bytes: new Uint8Array(range.end - range.start), filled: 0 }
  await withRetry(
    async () => {
      for (let patience = SUSPECT_PATIENCE_MS; fetched.filled < fetched.bytes.length; patience *= 2) {
        const before = fetched.filled
        const cut = AbortSignal.timeout(patience)
        const both = AbortSignal.any([signal, cut])
        // A link that cuts every answer short, or is slow, is gone on with behind what came.
        await fetchRest(transfer, range, { into: fetched, signal: both }).catch((error: unknown) => {
          signal.throwIfAborted()
          if (fetched.filled === before && (!cut.aborted || patience > transfer.parts.stallMs)) throw error
        })
      }
    },
    { signal },
  )
  return pieceDigest(fetched.bytes) !== (await hashes.digestOf(file.path, range))
}

/** Fetches what is missing of a range from the Hub. */
async function fetchRest(
  { parts, tally }: BlobTransfer,
  range: ByteRange,
  {
    into,
    signal,
  }: { readonly into: { readonly bytes: Uint8Array; filled: number }; readonly signal: AbortSignal },
): Promise<void> {
  const rest = { start: range.start + into.filled, end: range.end }
  for await (const chunk of (await parts.hub?.open(rest, { signal })) ?? []) {
    into.bytes.set(chunk, into.filled)
    into.filled += chunk.length
    // It costs the uplink, but it is no progress: the piece was counted when it came the first time.
    tally.add('hub', HUB, chunk.length)
    tally.lose('hub', chunk.length)
  }
}

function mismatch(transfer: BlobTransfer): DfhfError {
  return new DfhfError('verification-failed', `the bytes received do not hash to ${transfer.parts.oid}`, {
    hint: 'the file on the Hub and its recorded hash disagree; nothing was kept',
  })
}
