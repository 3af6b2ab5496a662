import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { onDisk } from '../files/disk-error.ts'
import { findOrphans, removeOrphan } from '../partial/find-orphans.ts'
import { removeLostPartials } from '../partial/stale-partials.ts'
import { removeStoreRepos } from './store-repos.ts'
import { type StoreContent, scanStore } from './store-scan.ts'

/** Files that another process may be about to use are younger, in ms. */
const YOUNG_MS = 60_000

/**
 * Removes from a store what no run can go on with: partials without a journal, journals without a partial, and temporary
 * names, and notes of blobs that are gone. Gives what stays; unfinished blobs that can be resumed do.
 */
export async function cleanStore(root: string): Promise<StoreContent> {
  for (const name of await onDisk('list', root, () => readdir(root))) {
    if (!/^[0-9a-f]{2}$/.test(name)) continue
    const folder = join(root, name)
    await removeLostPartials(folder).catch(() => {})
    const orphans = await findOrphans(folder, root, Date.now() - YOUNG_MS).catch(() => [])
    for (const orphan of orphans) if (orphan.kind !== 'partial') await removeOrphan(orphan).catch(() => false)
  }
  const content = await scanStore(root)
  for (const path of content.gone) await removeStoreRepos(path)
  return content
}
