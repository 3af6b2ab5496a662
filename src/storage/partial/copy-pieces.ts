import { constants } from 'node:fs'
import { type FileHandle, realpath, rm } from 'node:fs/promises'
import type { Oid } from '../../blob/oid.ts'
import { sumOf } from '../../blob/piece-sums.ts'
import { pieceCountOf, pieceRange, pieceSizeOf } from '../../blob/pieces.ts'
import { openPlainFile } from '../files/plain-file.ts'
import type { ClaimedPartial, PartialPaths } from './claim-partial.ts'
import type { JournalPieces, JournalSubject } from './journal-format.ts'
import type { KeptSums, Sums } from './kept-sums.ts'
import { readPieceJournal, writeFully } from './piece-journal.ts'

/** A writer that has not written for so long, in ms, is gone, or will have to begin anew. */
const ABANDONED_AFTER_MS = 3_600_000

/**
 * Copies into a claimed partial what another process has of the blob, where it is not known whether that process still
 * writes. Its file is removed only when it was not written for long. Undefined when there is nothing to copy.
 */
export async function copyPieces(
  claim: ClaimedPartial,
  subject: JournalSubject,
): Promise<JournalPieces | undefined> {
  let best: { readonly from: PartialPaths; readonly pieces: readonly number[] } | undefined
  for (const from of claim.others) {
    const found = await readPieceJournal(from.journalPath, subject).catch(() => undefined)
    const pieces = [...(found?.synced ?? []), ...(found?.unsynced ?? [])]
    if (pieces.length > (best?.pieces.length ?? 0)) best = { from, pieces }
  }
  const unsynced = best && (await copyAll(best.from.path, claim.handle, best.pieces, subject))
  await removeAbandoned(claim)
  return unsynced && { synced: [], unsynced }
}

/** A blob that is wrong, and what is remembered of its pieces. */
interface WrongBlob {
  readonly oid: Oid
  readonly size: number
  readonly finalPath: string
  readonly sums?: KeptSums | undefined
  readonly signal: AbortSignal
}

/**
 * Adds to the pieces that a claimed partial has those of a blob that is wrong as a whole, but for the ones that have
 * another sum than they should have.
 */
export async function takeOver(
  to: FileHandle,
  left: JournalPieces | undefined,
  { oid, size, finalPath, sums, signal }: WrongBlob,
): Promise<JournalPieces> {
  const { synced = [], unsynced = [] } = left ?? {}
  const present = new Set([...synced, ...unsynced])
  const missing = Array.from({ length: pieceCountOf(size) }, (_, piece) => piece).filter(
    (piece) => !present.has(piece),
  )
  const kept = (await sums?.find(oid, size)) ?? new Map<number, number>()
  const path = await realpath(finalPath).catch(() => finalPath)
  const copied = await copyAll(path, to, missing, { size, sums: kept, signal })
  const known = new Map(left?.sums)
  for (const piece of copied) {
    const sum = kept.get(piece)
    if (sum !== undefined) known.set(piece, sum)
  }
  return { synced, unsynced: [...unsynced, ...copied], sums: known }
}

/** The pieces that could be copied. They are checked with the whole blob, like all others. */
async function copyAll(
  path: string,
  to: FileHandle,
  pieces: readonly number[],
  { size, sums, signal }: { readonly size: number; readonly sums?: Sums; readonly signal?: AbortSignal },
): Promise<readonly number[]> {
  const copied: number[] = []
  const from = await openPlainFile(path, constants.O_RDONLY).catch(() => undefined)
  if (from === undefined) return copied
  await using source = from
  const buffer = new Uint8Array(Math.min(size, pieceSizeOf(size)))
  for (const index of pieces) {
    signal?.throwIfAborted()
    const { start, end } = pieceRange(size, index)
    const bytes = buffer.subarray(0, end - start)
    // A sector that cannot be read costs its piece alone.
    const { bytesRead } = await source.read(bytes, 0, bytes.length, start).catch(() => ({ bytesRead: 0 }))
    if (bytesRead < bytes.length) continue
    const sum = sums?.get(index)
    if (sum !== undefined && sumOf(bytes) !== sum) continue
    await writeFully(to, bytes, start)
    copied.push(index)
  }
  return copied
}

async function removeAbandoned({ handle, others }: ClaimedPartial): Promise<void> {
  // By the clock of the file system, which may be another machine's.
  const { mtimeMs: nowMs } = await handle.stat()
  for (const { path, journalPath } of others) {
    const other = await openPlainFile(path, constants.O_RDONLY).catch(() => undefined)
    if (other === undefined) continue
    const { mtimeMs } = await other.stat()
    await other.close()
    if (nowMs - mtimeMs < ABANDONED_AFTER_MS) continue
    await rm(journalPath, { force: true })
    await rm(path, { force: true })
  }
}
