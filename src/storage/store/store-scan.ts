import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isOid, type Oid } from '../../blob/oid.ts'
import type { Repo } from '../../repo/repo.ts'
import { onDisk, unlessMissing } from '../files/disk-error.ts'
import { type FoundPartial, listPartials } from '../partial/stale-partials.ts'
import { readStoreRepos, readStoreUse, reposOwnerOf } from './store-repos.ts'

/** A whole blob in the store. */
export interface StoredBlob {
  readonly oid: Oid
  readonly size: number
  readonly repos: readonly Repo[]
  readonly usedAtMs: number
}

/** All that an earlier run left in the store. */
export interface StoreContent {
  readonly blobs: readonly StoredBlob[]
  readonly partials: readonly FoundPartial[]
  /** Where blobs stood of which only the note of their repos is left. */
  readonly gone: readonly string[]
}

/** The folder of a blob in the store below `root`. */
export function storeFolderOf(root: string, oid: string): string {
  return join(root, oid.slice(0, 2))
}

/** Looks through the store's folders; other files than blobs, partials and notes are passed over. Changes nothing. */
export async function scanStore(root: string): Promise<StoreContent> {
  const blobs: StoredBlob[] = []
  const partials: FoundPartial[] = []
  const gone: string[] = []
  for (const name of await onDisk('list', root, () => readdir(root))) {
    if (!/^[0-9a-f]{2}$/.test(name)) continue
    const folder = join(root, name)
    const unfinished = await listPartials(folder)
    partials.push(...unfinished)
    const names = await onDisk('list', folder, () => readdir(folder))
    const owners = new Set([...names, ...unfinished.map(({ stem }) => stem)])
    for (const oid of names) {
      const owner = reposOwnerOf(oid)
      if (owner !== undefined && !owners.has(owner)) gone.push(join(folder, owner))
      if (!isOid(oid) || storeFolderOf(root, oid) !== folder) continue
      const path = join(folder, oid)
      const stats = await unlessMissing(stat(path))
      if (!stats?.isFile()) continue
      const usedAtMs = Math.max(stats.mtimeMs, await readStoreUse(path))
      blobs.push({ oid, size: stats.size, repos: await readStoreRepos(path), usedAtMs })
    }
  }
  return { blobs, partials, gone }
}
