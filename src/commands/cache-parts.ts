import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Oid } from '../blob/oid.ts'
import { type Repo, repoName } from '../repo/repo.ts'
import type { CachedRepo } from '../storage/cache/cache-contents.ts'
import { unlessMissing } from '../storage/files/disk-error.ts'
import { type StoreContent, scanStore, storeFolderOf } from '../storage/store/store-scan.ts'
import type { PlaceOptions } from './settings/options.ts'

/** A file that should hold a blob, and where it stands. */
export interface BlobToCheck {
  readonly oid: Oid
  readonly path: string
  readonly size: number
  readonly repos: readonly Repo[]
  /** The repo's folder in the cache; undefined for a blob of the store. */
  readonly cached: CachedRepo | undefined
}

/** What the store holds; nothing where there is none. */
export async function scanStoreAt(root: string | undefined): Promise<StoreContent> {
  const isThere = root !== undefined && (await unlessMissing(stat(root))) !== undefined
  return isThere ? scanStore(root) : { blobs: [], partials: [], gone: [] }
}

/** True where no repo or this one was named. */
export function isMeant(repo: Repo, wanted: Repo | undefined): boolean {
  return wanted === undefined || repoName(repo) === repoName(wanted)
}

/** Where a blob of the store stands. */
export function storedPath({ storeDir = '' }: PlaceOptions, oid: Oid): string {
  return join(storeFolderOf(storeDir, oid), oid)
}
