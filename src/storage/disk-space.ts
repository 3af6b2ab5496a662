import { lstat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DfhfError } from '../base/errors.ts'
import { formatSize } from '../base/size.ts'
import { onDisk, unlessMissing } from './disk-error.ts'

/** Bytes that this user may still write to the file system of `path`, which need not exist yet. */
export async function freeSpace(path: string): Promise<number> {
  for (let at = path; ; at = dirname(at)) {
    const stats = await onDisk('look at', at, () => unlessMissing(statfs(at)))
    if (stats !== undefined) return stats.bavail * stats.bsize
    if (dirname(at) === at) throw new DfhfError('disk', `cannot look at ${path}: no such file or folder`)
  }
}

/** Throws `disk-full` when fewer than `needed` bytes are free where `path` stands or will stand. */
export async function ensureSpace(path: string, needed: number): Promise<void> {
  if (needed <= 0) return
  const free = await freeSpace(path)
  if (free >= needed) return
  throw new DfhfError(
    'disk-full',
    `not enough space at ${path}: ${formatSize(needed)} needed, ${formatSize(free)} free`,
    { hint: 'free some space, or choose another disk with --cache-dir or --local-dir' },
  )
}

/** Bytes that a file takes on its disk, holes not counted; 0 when there is none. A link counts as itself. */
export async function occupiedSpace(path: string): Promise<number> {
  const stats = await unlessMissing(lstat(path))
  if (stats === undefined) return 0
  // Windows has no block count.
  return process.platform === 'win32' ? stats.size : stats.blocks * 512
}
