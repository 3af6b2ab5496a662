import { join } from 'node:path'
import { createOidHasher } from '../../src/blob/digest.ts'
import { type Repo, repoName } from '../../src/repo/repo.ts'
import { CacheDestination } from '../../src/repo-download/cache-destination.ts'
import type { Destination } from '../../src/repo-download/destination.ts'
import { LocalDirDestination } from '../../src/repo-download/local-dir-destination.ts'
import { HfCache } from '../../src/storage/cache/hf-cache.ts'
import { DiskRoom } from '../../src/storage/files/disk-room.ts'
import type { HashFile } from '../../src/storage/files/hash-file.ts'
import { LocalDir } from '../../src/storage/local-dir/local-dir.ts'
import { LocalRefs } from '../../src/storage/local-dir/local-refs.ts'

/** Builds a destination below a folder, as `download` does. */
export type OpenDestination = (folder: string, repo: Repo) => Destination

/** Every kind of place that files can go to. */
export const destinations: readonly (readonly [name: string, open: OpenDestination])[] = [
  ['the Hugging Face cache', openCache],
  ['a local dir', openLocalDir],
]

/** A cache below the folder. */
export function openCache(folder: string, repo: Repo): CacheDestination {
  return new CacheDestination(new HfCache(join(folder, 'hub')), repo, new DiskRoom())
}

/** A folder of the user's own, with a cache beside it. */
export function openLocalDir(folder: string, repo: Repo): LocalDirDestination {
  const localDir = join(folder, 'files')
  const refs = new LocalRefs(join(folder, 'state'), { localDir, repo: repoName(repo) })
  return new LocalDirDestination(new LocalDir(localDir, { hashFile }), openCache(folder, repo), {
    room: new DiskRoom(),
    refs,
  })
}

const hashFile: HashFile = async (path, oid, size) => {
  const hasher = createOidHasher(oid, size)
  hasher.update(await Bun.file(path).bytes())
  return hasher.digest() === oid
}
