import { constants } from 'node:fs'
import { type FileHandle, open, readdir, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { randomSuffix } from './atomic-write.ts'
import { unlessMissing } from './disk-error.ts'
import { tryLockedFile } from './file-lock.ts'
import { parsePartialName, partialDataName, partialJournalName } from './partial-name.ts'

/** A partial file that this process alone writes to, with what an earlier run left in it. */
export interface ClaimedPartial {
  readonly handle: FileHandle
  readonly path: string
  readonly journalPath: string
  /** Puts an unfinished partial where the next run finds it. */
  readonly giveBack: () => Promise<void>
}

/**
 * Claims the partial of `stem` in `folder`: the plain name, or when another process writes there one that a killed
 * process left, or a new one. The claim ends when the handle is closed.
 */
export async function claimPartial(
  folder: string,
  stem: string,
  lock: typeof tryLockedFile = tryLockedFile,
): Promise<ClaimedPartial> {
  const claimByLock = (suffix: string | undefined) => tryClaim(folder, stem, suffix, lock)
  const plain = await claimByLock(undefined)
  if (plain === 'unsupported') return claimByRename(folder, stem)
  if (plain !== 'held') return plain
  for (const suffix of await suffixesOf(folder, stem)) {
    const orphan = await claimByLock(suffix)
    if (typeof orphan !== 'string') return orphan
  }
  for (;;) {
    const own = await claimByLock(randomSuffix())
    if (typeof own !== 'string') return own
  }
}

async function tryClaim(
  folder: string,
  stem: string,
  suffix: string | undefined,
  lock: typeof tryLockedFile,
): Promise<ClaimedPartial | 'held' | 'unsupported'> {
  const path = join(folder, partialDataName(stem, suffix))
  for (let attempt = 0; attempt < 10; attempt += 1) {
    const handle = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o666)
    const result = await lock(handle, path)
    if (result === 'acquired') {
      const journalPath = join(folder, partialJournalName(stem, suffix))
      return { handle, path, journalPath, giveBack: async () => {} }
    }
    await handle.close()
    if (result === 'unsupported') return result
    // The holder may just have published the file: then the name is free again.
    if ((await unlessMissing(stat(path))) !== undefined) return 'held'
  }
  return 'held'
}

/**
 * Without locks a rename decides who owns what an earlier run left: only one of several processes wins it.
 * What a killed process left stays under that process's own name, since nobody can tell whether it still runs.
 */
async function claimByRename(folder: string, stem: string): Promise<ClaimedPartial> {
  const plain = { path: join(folder, partialDataName(stem)), journal: join(folder, partialJournalName(stem)) }
  const suffix = randomSuffix()
  const path = join(folder, partialDataName(stem, suffix))
  const journalPath = join(folder, partialJournalName(stem, suffix))
  const move = (from: string, to: string) => unlessMissing(rename(from, to))
  await move(plain.path, path)
  await move(plain.journal, journalPath)
  const handle = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o666)
  const giveBack = async () => {
    if ((await unlessMissing(stat(plain.path))) !== undefined) return
    await move(journalPath, plain.journal)
    await move(path, plain.path)
  }
  return { handle, path, journalPath, giveBack }
}

async function suffixesOf(folder: string, stem: string): Promise<string[]> {
  const names = (await readdir(folder)).map(parsePartialName)
  return names.flatMap((name) =>
    name?.stem === stem && name.kind === 'data' && name.suffix !== undefined ? [name.suffix] : [],
  )
}
