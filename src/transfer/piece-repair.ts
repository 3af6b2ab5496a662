import { DfhfError } from '../base/errors.ts'
import type { BlobSource } from '../blob/blob-source.ts'
import { pieceDigest } from '../blob/digest.ts'
import type { Oid } from '../blob/oid.ts'
import { type ByteRange, pieceRange } from '../blob/pieces.ts'
import type { HashService } from '../hash/hash-service.ts'
import { RangeIgnoredError } from '../http/ranges/range-request.ts'
import { withRetry } from '../http/with-retry.ts'
import { HUB } from '../schedule/piece-board.ts'
import { DIGESTS_MS, MOST_COMPARED, SUSPECT_PATIENCE_MS } from '../schedule/tuning.ts'
import type { BlobSwarm } from '../swarm/client/blob-swarm.ts'
import type { HubGate } from './hub/hub-gate.ts'
import type { TransferCounters } from './transfer-counters.ts'
import type { BlobFile } from './writing/blob-file.ts'
import type { LandedPieces } from './writing/landed-pieces.ts'
import type { PieceWriters } from './writing/piece-writers.ts'

/** The name under which pieces of an earlier run are suspected. */
const EARLIER = ''

interface Suspect {
  readonly piece: number
  readonly givenBy: string
}

/** What the Hub has of a piece that was compared. */
interface Original {
  readonly piece: number
  readonly bytes: Uint8Array
  /** How long it took to come, in ms. */
  readonly ms: number
}

/** A piece that was taken back, as it was. */
interface Exhibit extends Suspect {
  readonly digest: string
  /** Its sender claimed to have the whole blob, and so to have checked it. */
  readonly isVouchedFor: boolean
}

/** What wrong pieces are looked for and taken back with. */
interface PieceRepairParts {
  readonly oid: Oid
  readonly file: BlobFile
  readonly pieces: LandedPieces
  readonly writers: Pick<PieceWriters, 'put'>
  readonly hub?: BlobSource | undefined
  readonly swarm?: BlobSwarm | undefined
  readonly gate: HubGate
  readonly hashes: Pick<HashService, 'digestOf'>
  readonly counters: TransferCounters
  /** No bytes from the Hub for this long are an error. */
  readonly stallMs: number
  /** Takes nothing of this blob from a peer any more. */
  readonly exclude: (peerId: string) => void
  /** From now on what is missing comes from the Hub alone, where it may be asked. */
  readonly trustHubAlone: () => void
}

/**
 * Called when a whole blob does not hash to its oid: takes back what is or may be wrong, so that it is fetched again, and
 * names the peers that sent wrong bytes once the right ones are here. One such object goes with a transfer.
 */
export class PieceRepair {
  readonly #parts: PieceRepairParts
  readonly #exhibits = new Map<number, Exhibit>()
  /** False once pieces of an earlier run were doubted one by one: from then on they are doubted together. */
  #isFirstDoubt = true

  constructor(parts: PieceRepairParts) {
    this.#parts = parts
  }

  /**
   * Takes back pieces of an earlier run that rotted on disk, where there are any. Else compares some suspected pieces
   * with the Hub's, disputed ones first, then one of each giver in turn: all pieces of each peer that sent a wrong one
   * are taken back, or all that came from peers when none of the compared ones is wrong. Of an earlier run, only wrong
   * and disputed ones at first: a disk loses single pieces. The Hub's bytes take the place of wrong ones that were
   * compared; the rest comes from the Hub this time, where it may be asked. Returns when checking the whole again makes
   * sense; throws `verification-failed` when no suspect is left.
   */
  async findWrongPieces(signal: AbortSignal): Promise<void> {
    const { file, gate, exclude } = this.#parts
    const rotten = await file.findRotten()
    if (rotten.length > 0) return await this.#revoke(rotten, [])
    const { suspects, disputed } = await orderSuspects(this.#parts, signal)
    const [first] = suspects
    if (!first) throw mismatch(this.#parts.oid)
    const fromPeers = suspects.filter(({ givenBy }) => givenBy !== EARLIER)
    const isTold = fromPeers.length === 0 && disputed.size > 0
    const compared = suspects.slice(0, isTold ? Math.min(disputed.size, MOST_COMPARED) : MOST_COMPARED)
    const originals = gate.isGone ? [] : await this.#compare(compared, signal)
    const wrong = new Set(originals.map(({ piece }) => piece))
    const guilty = new Set(suspects.filter(({ piece }) => wrong.has(piece)).map(({ givenBy }) => givenBy))
    if (gate.isGone) guilty.add(first.givenBy)
    for (const givenBy of guilty) if (givenBy !== EARLIER) exclude(givenBy)
    const single = this.#isFirstDoubt ? wrong.union(disputed) : new Set()
    this.#isFirstDoubt = false
    const isDoubted = ({ piece, givenBy }: Suspect) =>
      guilty.has(givenBy) && (givenBy !== EARLIER || single.size === 0 || single.has(piece))
    if (guilty.size > 0) await this.#takeBack(suspects.filter(isDoubted), originals)
    else await this.#takeBack(fromPeers.length > 0 ? fromPeers : suspects, [])
  }

  /** To be called when the blob is right: bans and shuns the peers whose pieces were not. */
  async blame(): Promise<void> {
    const { hashes, file, swarm, oid } = this.#parts
    const liars = new Map<string, boolean>()
    for (const { piece, givenBy, digest, isVouchedFor } of this.#exhibits.values()) {
      if (givenBy === EARLIER || liars.get(givenBy) === true) continue
      if (digest === (await hashes.digestOf(file.path, pieceRange(file.size, piece)))) continue
      liars.set(givenBy, isVouchedFor)
    }
    const reason = `sent wrong bytes of blob ${oid.slice(0, 12)}`
    // A peer that had only a part may have passed on wrong bytes unknowingly; one that claimed the whole had checked it, or lies.
    for (const [givenBy, isLie] of liars) {
      if (isLie) swarm?.ban(givenBy, reason)
      else swarm?.shun(givenBy, reason)
    }
  }

  /** What the Hub has of the suspects that it shows to be wrong; nothing where it gives no ranges. */
  async #compare(suspects: readonly Suspect[], signal: AbortSignal): Promise<Original[]> {
    const { gate, pieces, counters, trustHubAlone } = this.#parts
    trustHubAlone()
    if (!gate.givesRanges) return []
    const failed = new AbortController()
    const either = AbortSignal.any([signal, failed.signal])
    const compared = await Promise.allSettled(
      suspects.map(({ piece }) =>
        compareWithHub(this.#parts, piece, either).catch((error: unknown) => {
          failed.abort(error)
          throw error
        }),
      ),
    )
    const originals: Original[] = []
    for (const [at, { piece }] of suspects.entries()) {
      const verdict = compared[at]
      if (verdict?.status !== 'fulfilled') continue
      if (verdict.value) originals.push(verdict.value)
      else pieces.note(piece, { source: HUB, isVouchedFor: false, digest: undefined })
    }
    if (!failed.signal.aborted) return originals
    for (const { bytes } of originals) counters.lose('hub', bytes.length)
    const { reason } = failed.signal
    if (!(reason instanceof RangeIgnoredError)) throw reason
    gate.ignoredRange()
    return []
  }

  async #takeBack(suspects: readonly Suspect[], originals: readonly Original[]): Promise<void> {
    const { hashes, file, pieces } = this.#parts
    const unproven = suspects.filter(({ piece }) => pieces.sourceOf(piece) !== HUB)
    for (const { piece, givenBy } of unproven) {
      const digest = await hashes.digestOf(file.path, pieceRange(file.size, piece))
      this.#exhibits.set(piece, { piece, givenBy, digest, isVouchedFor: pieces.isVouchedFor(piece) })
    }
    await this.#revoke(
      unproven.map(({ piece }) => piece),
      originals,
    )
  }

  /** Takes pieces back that are or may be wrong, so that they are fetched again; of some the right bytes are at hand. */
  async #revoke(wrong: Iterable<number>, originals: readonly Original[]): Promise<void> {
    const { file, pieces, counters, writers } = this.#parts
    for (const piece of wrong) {
      const { start, end } = pieceRange(file.size, piece)
      await file.revoke(piece)
      counters.lose(pieces.sourceOf(piece) === undefined ? 'local' : 'peers', end - start)
      pieces.delete(piece)
    }
    for (const { piece, bytes, ms } of originals) {
      await writers.put(piece, bytes)
      pieces.add(piece, { source: HUB, isVouchedFor: false })
      counters.landed('hub', piece, ms)
    }
    pieces.rewritten()
  }
}

/** Pieces that did not come from the Hub in this run: disputed ones first, then in turn from each giver. */
async function orderSuspects(
  parts: PieceRepairParts,
  signal: AbortSignal,
): Promise<{ readonly suspects: readonly Suspect[]; readonly disputed: ReadonlySet<number> }> {
  const byGiver = new Map<string, Suspect[]>()
  for (const piece of parts.pieces.bitmap) {
    const givenBy = parts.pieces.sourceOf(piece) ?? EARLIER
    if (givenBy === HUB) continue
    const queue = byGiver.get(givenBy)
    if (queue) queue.push({ piece, givenBy })
    else byGiver.set(givenBy, [{ piece, givenBy }])
  }
  const inTurn: Suspect[] = []
  const queues = [...byGiver.values()]
  for (let turn = 0; queues.some((queue) => turn < queue.length); turn += 1) {
    for (const queue of queues) {
      const suspect = queue[turn]
      if (suspect) inTurn.push(suspect)
    }
  }
  const disputed = await disputedPieces(parts, inTurn, signal)
  const suspects = [
    ...inTurn.filter(({ piece }) => disputed.has(piece)),
    ...inTurn.filter(({ piece }) => !disputed.has(piece)),
  ]
  return { suspects, disputed }
}

/** Pieces for which another peer names a digest that the bytes here do not have. */
async function disputedPieces(
  { swarm, hashes, file }: PieceRepairParts,
  suspects: readonly Suspect[],
  signal: AbortSignal,
): Promise<Set<number>> {
  const disputed = new Set<number>()
  if (!swarm) return disputed
  // Where all bytes were here from the start, peers had no time yet to say what they have.
  await swarm.introduced().catch(() => {})
  signal.throwIfAborted()
  const claims = await swarm.collectDigests(
    suspects.map(({ piece }) => piece),
    AbortSignal.any([signal, AbortSignal.timeout(DIGESTS_MS)]),
  )
  signal.throwIfAborted()
  for (const { piece } of suspects) {
    const named = [...claims.values()].flatMap((digests) => digests.get(piece) ?? [])
    if (named.length === 0) continue
    const own = await hashes.digestOf(file.path, pieceRange(file.size, piece))
    if (named.some((digest) => digest !== own)) disputed.add(piece)
  }
  return disputed
}

/** What the Hub has of a piece; undefined where it is what is here. */
async function compareWithHub(
  parts: PieceRepairParts,
  piece: number,
  signal: AbortSignal,
): Promise<Original | undefined> {
  const { file, hashes, counters, stallMs } = parts
  const startedAt = performance.now()
  const range = pieceRange(file.size, piece)
  const fetched = { bytes: new Uint8Array(range.end - range.start), filled: 0 }
  let isNew = false
  try {
    await withRetry(
      async () => {
        for (let patience = SUSPECT_PATIENCE_MS; fetched.filled < fetched.bytes.length; patience *= 2) {
          const before = fetched.filled
          const cut = AbortSignal.timeout(patience)
          const both = AbortSignal.any([signal, cut])
          // Where the link cuts a response short or is slow, the next request goes on behind the bytes that came.
          await fetchRest(parts, range, { into: fetched, signal: both }).catch((error: unknown) => {
            signal.throwIfAborted()
            if (fetched.filled === before && (!cut.aborted || patience > stallMs)) throw error
          })
        }
      },
      { signal },
    )
    isNew = pieceDigest(fetched.bytes) !== (await hashes.digestOf(file.path, range))
  } finally {
    // It cost the uplink, but is no progress: the piece was counted when it came the first time.
    if (!isNew) counters.lose('hub', fetched.filled)
  }
  return isNew ? { piece, bytes: fetched.bytes, ms: performance.now() - startedAt } : undefined
}

/** Fetches what is missing of a range from the Hub. */
async function fetchRest(
  { hub, counters }: PieceRepairParts,
  range: ByteRange,
  {
    into,
    signal,
  }: { readonly into: { readonly bytes: Uint8Array; filled: number }; readonly signal: AbortSignal },
): Promise<void> {
  const rest = { start: range.start + into.filled, end: range.end }
  for await (const chunk of (await hub?.open(rest, { signal })) ?? []) {
    into.bytes.set(chunk, into.filled)
    into.filled += chunk.length
    counters.add('hub', HUB, chunk.length)
  }
}

function mismatch(oid: Oid): DfhfError {
  return new DfhfError('verification-failed', `the bytes received do not hash to ${oid}`, {
    hint: 'the file on the Hub and its recorded hash disagree; nothing was kept',
  })
}
