import { DfhfError } from '../base/errors.ts'
import { isOid } from '../blob/oid.ts'
import { repoName } from '../repo/repo.ts'
import { formatLock, type LockedRepo, lockKey, parseLock } from '../repo/repo-lock.ts'
import type { SnapshotPlan } from '../repo-download/plan-snapshot.ts'
import { writeFileAtomically } from '../storage/files/atomic-write.ts'
import { onDisk } from '../storage/files/disk-error.ts'
import { readGivenFile } from './given-file.ts'
import type { ListedSubject } from './repo-list.ts'

/** The lock of 400,000 files. */
const MAX_LOCK_SIZE = 64 * 2 ** 20

/** The entries of the lock file at `path`; throws `usage` where it is none. */
export async function readLock(path: string, signal: AbortSignal): Promise<LockedRepo[]> {
  return parseLock(await readGivenFile(path, { maxSize: MAX_LOCK_SIZE, what: 'the lock file', signal }), path)
}

/** Writes what plans came to, whole or not at all. */
export async function writeLock(path: string, entries: readonly LockedRepo[]): Promise<void> {
  await onDisk('write the lock file', path, () => writeFileAtomically(path, formatLock(entries)))
}

/** What a lock says of a planned snapshot. Throws `not-cached` where the oid of a file is not known. */
export function lockedOf(subject: ListedSubject, { commit, files }: SnapshotPlan): LockedRepo {
  const locked = files.map(({ file, placed }) => {
    const { path, size } = file
    const oid = placed ? placed.oid : 'oid' in file ? file.oid : ''
    if (isOid(oid)) return { path, size, oid }
    throw new DfhfError('not-cached', `nothing says which oid ${path} of ${repoName(subject.repo)} has`, {
      hint: 'write the lock file where the Hub can be asked',
    })
  })
  return { ...askedOf(subject), commit, files: locked }
}

/** The entries of a lock for what was asked. Throws `usage` where one is missing and, in a whole list, where one is left over. */
export function entriesFor(
  subjects: readonly ListedSubject[],
  lock: readonly LockedRepo[],
  { name, isWhole }: { readonly name: string; readonly isWhole: boolean },
): LockedRepo[] {
  const rest = new Map(lock.map((entry) => [lockKey(entry), entry]))
  const entries = subjects.map((subject) => {
    const key = lockKey(askedOf(subject))
    const entry = rest.get(key)
    if (!entry) throw apart(`${name} has no entry for ${nameOf(subject)} with these patterns`)
    return entry
  })
  for (const entry of entries) rest.delete(lockKey(entry))
  const [left] = rest.values()
  if (isWhole && left) throw apart(`${name} has an entry for ${nameOf(left)} that the list has not`)
  return entries
}

/** What a lock's entry asks for. */
export function subjectOf({ repo, revision, include, exclude }: LockedRepo): ListedSubject {
  return {
    repo,
    revision,
    selection: { kind: 'files', include: include.length > 0 ? include : undefined, exclude, mustMatch: [] },
  }
}

function askedOf({ repo, revision, selection }: ListedSubject): Omit<LockedRepo, 'commit' | 'files'> {
  return { repo, revision, include: selection.include ?? [], exclude: selection.exclude }
}

function nameOf({ repo, revision }: Pick<ListedSubject, 'repo' | 'revision'>): string {
  return `${repoName(repo)}@${revision}`
}

function apart(message: string): DfhfError {
  return new DfhfError('usage', message, { hint: 'write the lock file anew with --lock' })
}
