import { closeSync, constants, openSync, renameSync, unlinkSync, writeSync } from 'node:fs'
import { sep } from 'node:path'
import { randomSuffix } from '../files/atomic-write.ts'
import { tryFlock } from '../files/flock.ts'
import type { SyncFiles } from '../files/sync-files.ts'
import { partialDataName } from './partial-name.ts'
import type { WholeBlob } from './write-whole.ts'

const NEW_FILE = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0)

/** A blob that has no name yet. The lock of its file keeps cleaners away until it is closed. */
interface Unnamed {
  readonly index: number
  readonly finalPath: string
  readonly path: string
  readonly descriptor: number
}

/**
 * Gives many small blobs their final names as `writeWhole` gives one: written, then on the medium, all by one sync, then
 * named. By calls that the thread waits for, each of which takes some µs where a promise for it takes ten times that: for
 * a local folder whose locks are known to keep others away, and for no more blobs than the thread has the time for.
 * `onNamed` is told the place in the list of each that has its name. One that fails leaves nothing and is passed over:
 * tried by itself, it tells why.
 */
export async function writeMany(
  blobs: readonly WholeBlob[],
  sync: SyncFiles | undefined,
  onNamed: (index: number) => void,
): Promise<void> {
  const written: Unnamed[] = []
  for (const [index, blob] of blobs.entries()) {
    const unnamed = write(blob, index)
    if (unnamed) written.push(unnamed)
  }
  let isSynced = true
  try {
    await sync?.(written.map(({ descriptor }) => descriptor))
  } catch {
    isSynced = false
  }
  for (const each of written) if (finish(each, isSynced)) onNamed(each.index)
}

function write({ bytes, folder, stem, finalPath }: WholeBlob, index: number): Unnamed | undefined {
  const path = `${folder}${sep}${partialDataName(stem, randomSuffix())}`
  let descriptor: number
  try {
    descriptor = openSync(path, NEW_FILE, 0o666)
  } catch {
    return undefined
  }
  const unnamed = { index, finalPath, path, descriptor }
  try {
    if (tryFlock(descriptor) === 'acquired' && writeSync(descriptor, bytes) === bytes.length) return unnamed
  } catch {
    // As with a disk that took only a part of it.
  }
  finish(unnamed, false)
  return undefined
}

/** Gives a file its name, or removes it. True where it has its name. */
function finish({ path, finalPath, descriptor }: Unnamed, isGood: boolean): boolean {
  const isNamed = isGood && succeeds(() => renameSync(path, finalPath))
  if (!isNamed) succeeds(() => unlinkSync(path))
  closeSync(descriptor)
  return isNamed
}

function succeeds(work: () => void): boolean {
  try {
    work()
    return true
  } catch {
    return false
  }
}
