import { constants } from 'node:fs'
import { type FileHandle, stat } from 'node:fs/promises'
import { delay } from '../../base/delay.ts'
import { systemCode } from '../../base/errors.ts'
import { unlessMissing } from './disk-error.ts'
import { type FlockResult, tryFlock } from './flock.ts'
import { describeLockHolder } from './lock-holder.ts'
import { createPlainFile, openPlainFile } from './plain-file.ts'

/** As often as Python's filelock polls. */
const POLL_MS = 50
/** Writable for the group, whose members may share a cache. */
const LOCK_MODE = 0o664

export interface FileLockOptions {
  readonly signal?: AbortSignal | undefined
  /** Told once, when another process holds the lock and the wait begins, by name: `python3 (pid 4711)`. */
  readonly onWait?: ((holder: string) => void) | undefined
  /** After so long the caller goes on without the lock. @default 600_000 */
  readonly giveUpMs?: number | undefined
}

/** A lock, or the permission to go on without one: locks save work, correctness never rests on them. */
export class FileLock implements AsyncDisposable {
  #handle: FileHandle | undefined

  constructor(handle?: FileHandle) {
    this.#handle = handle
  }

  /** False when the file system has no locks, the lock file cannot be opened, or the wait was given up. */
  get isHeld(): boolean {
    return this.#handle !== undefined
  }

  /** Gives the lock back. The file stays, as others may wait on it. Safe to call twice. */
  async release(): Promise<void> {
    const handle = this.#handle
    this.#handle = undefined
    await handle?.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release()
  }
}

/** Takes the flock of the file at `path`, whose folder must exist. Throws only when `signal` aborts. */
export async function acquireFileLock(path: string, options: FileLockOptions = {}): Promise<FileLock> {
  const { signal, onWait, giveUpMs = 600_000 } = options
  const deadline = performance.now() + giveUpMs
  for (let waits = 0; ; waits += 1) {
    signal?.throwIfAborted()
    const handle = await openLockFile(path)
    if (handle === undefined) return new FileLock()
    const result = await tryLockedFile(handle, path)
    if (result === 'acquired') return new FileLock(handle)
    try {
      if (result === 'unsupported' || performance.now() >= deadline) return new FileLock()
      if (waits === 0 && onWait) onWait(await describeHolder(handle))
    } finally {
      await handle.close()
    }
    await delay(POLL_MS, { signal })
  }
}

/** Locks an open file, and makes sure that it still is the one at `path`: a cleaner may have unlinked it meanwhile. */
export async function tryLockedFile(handle: FileHandle, path: string): Promise<FlockResult> {
  const result = tryFlock(handle.fd)
  if (result !== 'acquired') return result
  return (await isSameFile(handle, path)) ? 'acquired' : 'held'
}

/** True while `path` names the very file that is open. */
export async function isSameFile(handle: FileHandle, path: string): Promise<boolean> {
  const [opened, named] = await Promise.all([
    handle.stat({ bigint: true }),
    unlessMissing(stat(path, { bigint: true })),
  ])
  return named !== undefined && opened.ino === named.ino && opened.dev === named.dev
}

async function describeHolder(handle: FileHandle): Promise<string> {
  const { ino, dev } = await handle.stat({ bigint: true })
  return describeLockHolder({ inode: ino, device: dev })
}

/** Undefined where something stands already: that keeps its mode, since it may be a second name of another file. */
async function makeLockFile(path: string): Promise<FileHandle | undefined> {
  try {
    const handle = await createPlainFile(path, LOCK_MODE)
    // The umask may have removed the group's write bit.
    await handle.chmod(LOCK_MODE).catch(() => {})
    return handle
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return undefined
    throw error
  }
}

async function openLockFile(path: string): Promise<FileHandle | undefined> {
  try {
    return (await makeLockFile(path)) ?? (await openPlainFile(path, constants.O_RDWR | constants.O_CREAT))
  } catch {
    return undefined
  }
}
