import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isOid, type Oid } from '../../blob/oid.ts'
import type { Repo } from '../../repo/repo.ts'
import { FolderStamps } from '../files/folder-stamps.ts'
import { parseRepoFolderName } from './cache-layout.ts'

interface BlobFolder {
  readonly repo: Repo
  oids: ReadonlySet<Oid>
}

/** Blobs that came to a cache, or left it, since the last look. */
export interface CacheChange {
  readonly repo: Repo
  readonly oid: Oid
  readonly path: string
  readonly isThere: boolean
}

/**
 * Follows which blobs stand in a Hugging Face cache. A look costs one stat a repo; only folders that changed are
 * listed. What cannot be read counts as empty.
 */
export class CacheScan {
  readonly root: string
  readonly #folders = new Map<string, BlobFolder>()
  readonly #stamps = new FolderStamps()

  constructor(root: string) {
    this.root = root
  }

  /** The folders that blobs come to, known after the first look. */
  get blobFolders(): Iterable<string> {
    return this.#folders.keys()
  }

  /** The number of those folders. */
  get folderCount(): number {
    return this.#folders.size
  }

  /** Looks again and gives what changed. */
  async look(): Promise<CacheChange[]> {
    const changes: CacheChange[] = []
    const gone = new Set(this.#folders.keys())
    for (const name of await readdir(this.root).catch(() => [])) {
      const repo = parseRepoFolderName(name)
      if (repo === undefined) continue
      const path = join(this.root, name, 'blobs')
      gone.delete(path)
      changes.push(...(await this.#lookAt(path, repo)))
    }
    for (const path of gone) {
      const folder = this.#folders.get(path)
      this.#folders.delete(path)
      this.#stamps.forget(path)
      if (folder) changes.push(...difference(path, folder.repo, folder.oids, new Set()))
    }
    return changes
  }

  async #lookAt(path: string, repo: Repo): Promise<CacheChange[]> {
    const folder: BlobFolder = this.#folders.get(path) ?? { repo, oids: new Set() }
    this.#folders.set(path, folder)
    if (!(await this.#stamps.hasChanged(path))) return []
    const before = folder.oids
    const names: string[] = await readdir(path).catch(() => [])
    folder.oids = new Set(names.filter(isOid))
    return difference(path, repo, before, folder.oids)
  }
}

function difference(
  folder: string,
  repo: Repo,
  before: ReadonlySet<Oid>,
  after: ReadonlySet<Oid>,
): CacheChange[] {
  const change = (isThere: boolean) => (oid: Oid) => ({ repo, oid, path: join(folder, oid), isThere })
  return [
    ...[...before].filter((oid) => !after.has(oid)).map(change(false)),
    ...[...after].filter((oid) => !before.has(oid)).map(change(true)),
  ]
}
