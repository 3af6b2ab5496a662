import { constants } from 'node:fs'
import { type FileHandle, rm } from 'node:fs/promises'
import { pieceRange } from '../../blob/pieces.ts'
import { openPlainFile } from '../files/plain-file.ts'
import type { ClaimedPartial, PartialPaths } from './claim-partial.ts'
import type { JournalPieces, JournalSubject } from './journal-format.ts'
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
  const unsynced = best && (await copyAll(best.from.path, claim.handle, best.pieces, subject.size))
  await removeAbandoned(claim)
  return unsynced && { synced: [], unsynced }
}

/** The pieces that could be copied. They are checked with the whole blob, like all others. */
async function copyAll(
  path: string,
  to: FileHandle,
  pieces: readonly number[],
  size: number,
): Promise<readonly number[]> {
  const copied: number[] = []
  const from = await openPlainFile(path, constants.O_RDONLY).catch(() => undefined)
  if (from === undefined) return copied
  await using source = from
  for (const index of pieces) {
    const { start, end } = pieceRange(size, index)
    const bytes = new Uint8Array(end - start)
    const { bytesRead } = await source.read(bytes, 0, bytes.length, start)
    if (bytesRead < bytes.length) continue
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
