import { constants } from 'node:fs'
import { type FileHandle, link, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { BoundedMap } from '../../base/bounded-map.ts'
import { randomSuffix } from '../files/atomic-write.ts'
import { unlessMissing } from '../files/disk-error.ts'
import { tryLockedFile } from '../files/file-lock.ts'
import type { FlockResult } from '../files/flock.ts'
import { isLocalDisk } from '../files/local-disk.ts'
import { createPlainFile, openPlainFile } from '../files/plain-file.ts'
import { parsePartialName, partialDataName, partialJournalName } from './partial-name.ts'
import { isOfThisBoot } from './piece-journal.ts'

/** Where the bytes of a partial and its journal stand. */
export interface PartialPaths {
  readonly path: string
  readonly journalPath: string
}

/** A partial file that this process alone writes to, with what an earlier run left in it. */
export interface ClaimedPartial extends PartialPaths {
  readonly handle: FileHandle
  /** Partials that other processes may be writing to: their bytes may be copied, but nothing be written. */
  readonly others: readonly PartialPaths[]
  /** Puts an unfinished partial where the next run finds it. */
  readonly giveBack: () => Promise<void>
}

export interface ClaimOptions {
  /** Tries a lock as flock(2) does. @default tryLockedFile */
  readonly lock?: (handle: FileHandle, path: string) => Promise<FlockResult>
  /** True where no other machine can write to the folder. @default isLocalDisk */
  readonly isLocal?: (folder: string) => Promise<boolean>
}

/**
 * Claims a partial of `stem` in `folder`: one that its writer put down, else one that a killed process left, else a new
 * one. A process writes under a name of its own, and takes over a name only when its process is proven to be gone, so
 * that no two ever write to one file, also where the file system has no locks. The claim ends when the handle is closed.
 */
export async function claimPartial(
  folder: string,
  stem: string,
  options: ClaimOptions = {},
): Promise<ClaimedPartial> {
  const { lock = tryLockedFile, isLocal = isLocalDisk } = options
  const names = (await readdir(folder)).map(parsePartialName)
  const suffixes = names.flatMap((name) => (name?.stem === stem && name.kind === 'data' ? [name.suffix] : []))
  const claimed = (handle: FileHandle, suffix: string, others: readonly PartialPaths[]) => {
    const own = pathsOf(folder, stem, suffix)
    return { ...own, handle, others, giveBack: () => putDown(own, pathsOf(folder, stem)) }
  }
  if (suffixes.includes(undefined)) {
    const suffix = await takeUp(folder, stem, lock)
    if (suffix) return claimed(suffix.handle, suffix.name, [])
  }
  const others: PartialPaths[] = []
  for (const suffix of suffixes) {
    if (suffix === undefined) continue
    const paths = pathsOf(folder, stem, suffix)
    const orphan = await lockOrphan(paths, lock)
    if (orphan === 'held') continue
    const isProven = orphan?.isSound === true && !isUnlocked(suffix)
    const isGone = isProven && ((await isLocal(folder)) || (await isOfThisBoot(paths.journalPath)))
    if (orphan && isGone) {
      await removeTemporaries(folder, stem, suffix)
      return claimed(orphan.handle, suffix, [])
    }
    await orphan?.handle.close()
    if (orphan) others.push(paths)
  }
  const made = await makeNew(folder, stem, lock)
  return claimed(made.handle, made.name, others)
}

interface Named {
  readonly handle: FileHandle
  readonly name: string
}

interface Locked {
  readonly handle: FileHandle
  /** True when the lock keeps out a second descriptor of this process: then it keeps out other processes too. */
  readonly isSound: boolean
}

/** Takes a partial that its writer put down: a rename gives it to one process alone. */
async function takeUp(
  folder: string,
  stem: string,
  lock: NonNullable<ClaimOptions['lock']>,
): Promise<Named | undefined> {
  const parked = pathsOf(folder, stem)
  const orphan = await lockOrphan(parked, lock)
  if (orphan === undefined || orphan === 'held') return undefined
  const name = nameOf(orphan.isSound)
  const own = pathsOf(folder, stem, name)
  try {
    await rename(parked.path, own.path)
  } catch {
    await orphan.handle.close()
    return undefined
  }
  await rename(parked.journalPath, own.journalPath).catch(() => {})
  // Between opening and renaming another process may have put its own file there.
  const handle = await openOwn(own.path)
  await orphan.handle.close()
  if (handle) await lock(handle, own.path)
  return handle && { handle, name }
}

/** Folders whose locks were found to keep out a second descriptor of this process; so many are remembered. */
const soundFolders = new BoundedMap<string, true>(1_000)

/**
 * A new partial of `stem` whose name and lock keep others away as those of a claimed one do; for a blob without a journal.
 * Whether locks of the folder are sound is tried once: for each of thousands of small files it would cost a quarter of
 * all calls to the system.
 */
export async function createPartial(
  folder: string,
  stem: string,
): Promise<{ readonly path: string; readonly handle: FileHandle }> {
  const { handle, name } = await makeNew(folder, stem, tryLockedFile, soundFolders.has(folder))
  if (!isUnlocked(name)) soundFolders.set(folder, true)
  return { handle, path: pathsOf(folder, stem, name).path }
}

/** True where locks in a folder keep others away; tried once, with a file that is removed again. */
export async function hasSoundLocks(folder: string): Promise<boolean> {
  if (soundFolders.has(folder)) return true
  const { handle, path } = await createPartial(folder, 'lock')
  await rm(path, { force: true })
  await handle.close()
  return soundFolders.has(folder)
}

async function makeNew(
  folder: string,
  stem: string,
  lock: NonNullable<ClaimOptions['lock']>,
  isKnownSound = false,
): Promise<Named> {
  for (;;) {
    const name = nameOf(true)
    const { path } = pathsOf(folder, stem, name)
    const handle = await createPlainFile(path)
    const result = await lock(handle, path)
    // Another process took the new file for one that was left before it could be locked.
    if (result === 'held') {
      await handle.close()
      continue
    }
    if (result === 'acquired' && (isKnownSound || (await isSound(path, lock)))) return { handle, name }
    const unlocked = nameOf(false)
    await rename(path, pathsOf(folder, stem, unlocked).path)
    return { handle, name: unlocked }
  }
}

/** Locks a partial of another process; `held` while that process lives, undefined for a file that is no partial of dfhf's. */
async function lockOrphan(
  { path }: PartialPaths,
  lock: NonNullable<ClaimOptions['lock']>,
): Promise<Locked | 'held' | undefined> {
  const handle = await openOwn(path)
  if (handle === undefined) return undefined
  const result = await lock(handle, path)
  if (result === 'acquired') return { handle, isSound: await isSound(path, lock) }
  if (result === 'unsupported') return { handle, isSound: false }
  await handle.close()
  return 'held'
}

async function isSound(path: string, lock: NonNullable<ClaimOptions['lock']>): Promise<boolean> {
  const second = await openOwn(path)
  if (second === undefined) return false
  try {
    return (await lock(second, path)) === 'held'
  } finally {
    await second.close()
  }
}

/** Opens a partial; not one with a second name, which may be another user's file, or a backup of this one. */
async function openOwn(path: string): Promise<FileHandle | undefined> {
  const handle = await openPlainFile(path, constants.O_RDWR).catch(() => undefined)
  if (handle === undefined || (await handle.stat()).nlink === 1) return handle
  await handle.close()
  return undefined
}

/** Removes unfinished new journals of a process that was killed while it wrote them. */
async function removeTemporaries(folder: string, stem: string, suffix: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const parsed = parsePartialName(name)
    const isOfClaim = parsed?.kind === 'temporary' && parsed.stem === stem && parsed.suffix === suffix
    if (isOfClaim) await rm(join(folder, name), { force: true })
  }
}

/** Links the data to its second name, moves the journal, then drops the first name: a file with two names is not claimed. */
async function putDown(own: PartialPaths, parked: PartialPaths): Promise<void> {
  try {
    await link(own.path, parked.path)
  } catch {
    // Another partial stands there, or the file system has no hard links: the next run finds this one by its first name.
    return
  }
  await unlessMissing(rename(own.journalPath, parked.journalPath))
  await rm(own.path, { force: true })
}

function pathsOf(folder: string, stem: string, suffix?: string): PartialPaths {
  return {
    path: join(folder, partialDataName(stem, suffix)),
    journalPath: join(folder, partialJournalName(stem, suffix)),
  }
}

/** A new suffix: its length tells other processes whether its owner holds a lock that keeps them out. */
function nameOf(isSound: boolean): string {
  return isSound ? randomSuffix() : randomSuffix() + randomSuffix()
}

function isUnlocked(suffix: string): boolean {
  return suffix.length > 8
}
