import { lstat, readdir, realpath, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { unlessMissing } from '../files/disk-error.ts'
import { isInside } from '../files/safe-path.ts'
import { parsePartialName } from './partial-name.ts'
import { isLeftAlone, listPartials, removePartial } from './stale-partials.ts'

/** A file that no process will go on with. */
export interface Orphan {
  readonly kind: 'partial' | 'journal' | 'temporary'
  readonly path: string
  /** Bytes on the disk. */
  readonly size: number
}

/**
 * What killed or cancelled runs left in `folder` and nothing has written to since `before`, in Unix milliseconds: partial
 * files that no process holds, journals without a partial file, and temporary names. Nothing where a link leads from
 * below `root` to a folder elsewhere.
 */
export async function findOrphans(folder: string, root: string, before: number): Promise<Orphan[]> {
  if (!(await isReallyInside(root, folder))) return []
  const orphans: Orphan[] = []
  for (const { path, size, mtimeMs } of await listPartials(folder)) {
    if (mtimeMs >= before || !(await isLeftAlone(path))) continue
    const kind = parsePartialName(basename(path))?.kind === 'data' ? 'partial' : 'journal'
    orphans.push({ kind, path, size })
  }
  for (const name of (await unlessMissing(readdir(folder))) ?? []) {
    if (!/\.[0-9a-f]{8}\.tmp$/.test(name)) continue
    const path = join(folder, name)
    const stats = await unlessMissing(lstat(path)).catch(() => undefined)
    if (stats?.isFile() && stats.mtimeMs < before) orphans.push({ kind: 'temporary', path, size: stats.size })
  }
  return orphans
}

/** Removes an orphan unless a process has taken it up meanwhile; true when it is gone. */
export async function removeOrphan({ kind, path }: Orphan): Promise<boolean> {
  if (kind !== 'temporary') return removePartial(path)
  await rm(path, { force: true })
  return true
}

/** True when `path` is below `root` once all links are followed; false when either is not there. */
export async function isReallyInside(root: string, path: string): Promise<boolean> {
  const [real, at] = await Promise.all([realpath(root), realpath(path)]).catch(() => [])
  return real !== undefined && at !== undefined && isInside(real, at)
}
