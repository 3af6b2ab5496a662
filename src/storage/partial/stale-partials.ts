import { constants } from 'node:fs'
import { lstat, readdir, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { onDisk, unlessMissing } from '../files/disk-error.ts'
import { occupiedSpace } from '../files/disk-space.ts'
import { tryLockedFile } from '../files/file-lock.ts'
import { isLocalDisk } from '../files/local-disk.ts'
import { openPlainFile } from '../files/plain-file.ts'
import { parsePartialName, partialDataName, partialJournalName } from './partial-name.ts'

/** Of the name of a partial whose writer holds a lock that means something. */
const LOCKED_SUFFIX_LENGTH = 8

/** A partial file that some run left, or one that is being written now. */
export interface FoundPartial {
  /** The data file, or a journal without one. */
  readonly path: string
  /** Usually the blob's oid. */
  readonly stem: string
  /** Bytes on the disk, holes not counted. */
  readonly size: number
  /** When it was last written. */
  readonly mtimeMs: number
}

/** The partial files of dfhf in one folder. */
export async function listPartials(folder: string): Promise<FoundPartial[]> {
  const names = (await onDisk('list', folder, () => unlessMissing(readdir(folder)))) ?? []
  const present = new Set(names)
  const found: FoundPartial[] = []
  for (const name of names) {
    const parsed = parsePartialName(name)
    if (parsed === undefined) continue
    if (parsed.kind !== 'data' && present.has(partialDataName(parsed.stem, parsed.suffix))) continue
    const path = join(folder, name)
    const stats = await unlessMissing(lstat(path)).catch(() => undefined)
    if (!stats?.isFile()) continue
    found.push({ path, stem: parsed.stem, size: await occupiedSpace(path), mtimeMs: stats.mtimeMs })
  }
  return found
}

/** Bytes that are still to be written of blobs, by their stems, after what partial files in `folder` hold of them. */
export async function missingSize(folder: string, sizes: ReadonlyMap<string, number>): Promise<number> {
  const present = new Map<string, number>()
  for (const { stem, size } of await listPartials(folder)) {
    present.set(stem, Math.max(size, present.get(stem) ?? 0))
  }
  let missing = 0
  for (const [stem, size] of sizes) missing += Math.max(0, size - (present.get(stem) ?? 0))
  return missing
}

/**
 * Removes a partial with its journal unless a process writes to it now. True when it is gone. Where there are no locks
 * nothing is removed, as a process may be writing to it.
 */
export async function removePartial(path: string): Promise<boolean> {
  return whileLeftAlone(path, async () => {
    const parsed = parsePartialName(basename(path))
    if (parsed?.kind === 'data') {
      const journal = partialJournalName(join(dirname(path), parsed.stem), parsed.suffix)
      await rm(journal, { force: true })
    }
    await rm(path, { force: true })
  })
}

/** True for a partial that no process writes to now; false also where there are no locks to tell by. */
export function isLeftAlone(path: string): Promise<boolean> {
  return whileLeftAlone(path, async () => {})
}

/** Does the work with the lock of a partial. False, and nothing done, where that cannot be had. */
async function whileLeftAlone(path: string, work: () => Promise<void>): Promise<boolean> {
  const handle = await openPlainFile(path, constants.O_RDWR).catch(() => undefined)
  if (handle === undefined) return false
  try {
    if ((await tryLockedFile(handle, path)) !== 'acquired') return false
    await work()
    return true
  } finally {
    await handle.close()
  }
}

/**
 * Removes the journals of a blob that stands under its final name: a process killed between the renaming of the blob
 * and the removal of its journal leaves one, which no run would ever read.
 */
export async function removeOrphanJournals(folder: string, stem: string): Promise<void> {
  const names = await readdir(folder)
  const present = new Set(names)
  for (const name of names) {
    const parsed = parsePartialName(name)
    if (parsed?.stem !== stem || parsed.kind === 'data') continue
    if (!present.has(partialDataName(stem, parsed.suffix))) await rm(join(folder, name), { force: true })
  }
}

/**
 * Removes partials without a journal whose writers are gone: nothing of them can be gone on with. On a disk that other
 * machines may write to nothing is removed, since their locks may not be seen here.
 */
export async function removeLostPartials(folder: string): Promise<void> {
  const names = await readdir(folder)
  const present = new Set(names)
  const lost = names.filter((name) => {
    const parsed = parsePartialName(name)
    if (parsed?.kind !== 'data' || parsed.suffix?.length !== LOCKED_SUFFIX_LENGTH) return false
    return !present.has(partialJournalName(parsed.stem, parsed.suffix))
  })
  if (lost.length === 0 || !(await isLocalDisk(folder))) return
  for (const name of lost) await removePartial(join(folder, name))
}

/** Removes partials that no process has written to for `olderThanMs` or writes to now; gives the removed ones. */
export async function removeStalePartials(
  folder: string,
  options: { readonly olderThanMs: number; readonly nowMs?: number },
): Promise<FoundPartial[]> {
  const before = (options.nowMs ?? Date.now()) - options.olderThanMs
  const removed: FoundPartial[] = []
  for (const partial of await listPartials(folder)) {
    if (partial.mtimeMs < before && (await removePartial(partial.path))) removed.push(partial)
  }
  return removed
}
