import { lstat, stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DfhfError } from '../../base/errors.ts'
import { formatSize } from '../../base/size.ts'
import { onDisk, unlessFailing, unlessMissing } from './disk-error.ts'

/** Bytes that are to be written below `path`. */
export interface SpaceNeed {
  readonly path: string
  readonly size: number
}

/** A file system, in bytes. */
export interface DiskSpace {
  readonly size: number
  /** What this user may still write. */
  readonly free: number
}

/** Bytes that this user may still write to the file system of `path`; as `spaceOf`. */
export async function freeSpace(path: string): Promise<number | undefined> {
  return (await spaceOf(path))?.free
}

/**
 * The file system of `path`, which need not exist yet. Undefined where it does not tell: many that are mounted over a
 * network say that they have 0 blocks at all.
 */
export async function spaceOf(path: string): Promise<DiskSpace | undefined> {
  const at = await existing(path)
  const stats = await onDisk('look at', at, () =>
    unlessFailing(statfs(at), ['ENOSYS', 'ENOTSUP', 'EOPNOTSUPP']),
  )
  if (stats === undefined || stats.blocks === 0) return undefined
  return { size: stats.blocks * stats.bsize, free: stats.bavail * stats.bsize }
}

/**
 * Throws `disk-full` when a disk has less room than all that is to be written to it. Gives the paths whose file
 * systems do not tell.
 */
export async function ensureSpace(needs: readonly SpaceNeed[]): Promise<readonly string[]> {
  const disks = new Map<number, { readonly path: string; size: number }>()
  const known = new Map<string, number>()
  for (const { path, size } of needs) {
    if (size <= 0) continue
    const device = known.get(path) ?? (await deviceOf(path))
    known.set(path, device)
    const disk = disks.get(device)
    if (disk) disk.size += size
    else disks.set(device, { path, size })
  }
  const untold: string[] = []
  for (const { path, size } of disks.values()) {
    const free = await freeSpace(path)
    if (free === undefined) untold.push(path)
    else if (free < size) throw tooSmall(path, size, free)
  }
  return untold
}

/** Bytes that a file takes on its disk, holes not counted; 0 when there is none. A link counts as itself. */
export async function occupiedSpace(path: string): Promise<number> {
  const stats = await unlessMissing(lstat(path))
  if (stats === undefined) return 0
  // Windows has no block count.
  return process.platform === 'win32' ? stats.size : stats.blocks * 512
}

/** The number of the file system of `path`, which need not exist yet. */
export async function deviceOf(path: string): Promise<number> {
  const at = await existing(path)
  return (await onDisk('look at', at, () => stat(at))).dev
}

/** `path`, or the nearest folder above it that is there. */
export async function existing(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    if ((await onDisk('look at', at, () => unlessMissing(stat(at)))) !== undefined) return at
    if (dirname(at) === at) throw new DfhfError('disk', `cannot look at ${path}: no such file or folder`)
  }
}

function tooSmall(path: string, needed: number, free: number): DfhfError {
  const sizes = `${formatSize(needed)} needed, ${formatSize(free)} free`
  return new DfhfError('disk-full', `not enough space at ${path}: ${sizes}`, {
    hint: 'free some space, or choose another disk with --cache-dir or --local-dir',
  })
}
