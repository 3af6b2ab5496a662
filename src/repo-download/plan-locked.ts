import { DfhfError } from '../base/errors.ts'
import type { ListedFile } from '../repo/file-ref.ts'
import { createPathFilter } from '../repo/patterns.ts'
import { repoName } from '../repo/repo.ts'
import type { LockedRepo } from '../repo/repo-lock.ts'
import { isHiddenByCache } from './download-file.ts'
import { keepRevision } from './keep-note.ts'
import { planFiles, type SnapshotPlan } from './plan-snapshot.ts'
import type { FetchParts, RepoFetcher } from './repo-fetcher.ts'
import { originPages } from './repo-listing.ts'

/** So many differences are told one by one. */
const MOST_TOLD = 3

/**
 * The plan for exactly the commit and files of a lock. Throws `verification-failed` where the commit's list of files
 * says anything else. Where the origin may not be asked for bytes it is not asked for the list either: the lock says all
 * that peers must be asked for. Where it cannot be asked, the files that are here must be all that the lock names.
 */
export async function planLocked(fetcher: RepoFetcher, locked: LockedRepo): Promise<SnapshotPlan> {
  const { parts } = fetcher
  const { commit } = locked
  const { listed, failure } = await findList(parts, locked)
  const differences = listed ? differencesOf(locked, listed) : []
  if (differences.length > 0) throw changed(locked, differences)
  const files = await planFiles(parts, commit, locked.files)
  if (failure && files.some(({ isHere }) => !isHere)) throw failure
  // Tools that are offline ask for the branch by its name, and are to find what the lock says of it.
  await keepRevision(parts, commit)
  return { commit, files }
}

/** The list that was kept of the commit, or the origin's; neither where the origin cannot or may not be asked. */
async function findList(
  parts: FetchParts,
  { commit }: LockedRepo,
): Promise<{ readonly listed?: readonly ListedFile[]; readonly failure?: DfhfError }> {
  const { origin, mayAskHub, destination } = parts
  const kept = await destination.readTree(commit)
  if (kept) return { listed: kept }
  if (!origin || !mayAskHub) return {}
  try {
    const pages = await Array.fromAsync(originPages(parts, origin, commit))
    return { listed: pages.flatMap(({ files }) => files) }
  } catch (error) {
    if (isHiddenByCache(error)) return { failure: error }
    throw error
  }
}

/** In words, everything in which a list of files is not what a lock says; the lock's patterns choose from the list. */
export function differencesOf(
  { include, exclude, files }: LockedRepo,
  listed: readonly Pick<ListedFile, 'path' | 'oid' | 'size'>[],
): string[] {
  const isKept = createPathFilter({ include: include.length > 0 ? include : undefined, exclude })
  const found = new Map(listed.filter(({ path }) => isKept(path)).map((file) => [file.path, file]))
  const differences = files.flatMap(({ path, size, oid }) => {
    const there = found.get(path)
    found.delete(path)
    if (!there) return [`${path} is missing`]
    if (there.oid !== oid) return [`${path} is ${there.oid.slice(0, 12)}, not ${oid.slice(0, 12)}`]
    return there.size === size ? [] : [`${path} has ${there.size} bytes, not ${size}`]
  })
  return [...differences, ...Array.from(found.keys(), (path) => `${path} is not in the lock`)]
}

function changed({ repo, commit }: LockedRepo, differences: readonly string[]): DfhfError {
  const rest = differences.length - MOST_TOLD
  const told = [...differences.slice(0, MOST_TOLD), ...(rest > 0 ? [`${rest} more`] : [])].join(', ')
  return new DfhfError(
    'verification-failed',
    `${repoName(repo)} at ${commit.slice(0, 8)} is not what the lock file says: ${told}`,
    { hint: 'write the lock file anew with --lock if this is meant' },
  )
}
