import { DfhfError } from '../base/errors.ts'
import { Semaphore } from '../base/semaphore.ts'
import { type Commit, isCommit } from '../blob/oid.ts'
import { createPathFilter, matchesPattern } from '../hub/patterns.ts'
import type { ListedFile, WantedFile } from './destination.ts'
import type { FetchParts, RepoFetcher } from './repo-fetcher.ts'
import type { FileResult } from './transfer-event.ts'

/** Which files of a repo are meant; patterns as huggingface_hub's allow and ignore patterns. */
export interface FilePatterns {
  /** undefined keeps every file. */
  readonly include: readonly string[] | undefined
  readonly exclude: readonly string[]
  /** Patterns of which each must match a file. */
  readonly mustMatch: readonly string[]
}

/** What a snapshot would do. */
export interface SnapshotPlan {
  readonly commit: Commit
  readonly files: readonly { readonly file: WantedFile; readonly isHere: boolean }[]
}

/** A snapshot that is complete: its folder and its files. */
export interface Snapshot {
  readonly path: string
  readonly commit: Commit
  readonly files: readonly FileResult[]
}

/** Finds out what the snapshot consists of and what of it is here. Notes the revision, writes nothing else. */
export async function planSnapshot(fetcher: RepoFetcher, patterns: FilePatterns): Promise<SnapshotPlan> {
  const { parts } = fetcher
  const { destination } = parts
  const commit = await resolveCommit(parts)
  const listed = await listFiles(parts, commit)
  const isKept = createPathFilter(patterns)
  const kept = listed.filter((file) => isKept(file.path))
  for (const pattern of patterns.mustMatch) {
    if (kept.some((file) => matchesPattern(file.path, pattern))) continue
    throw new DfhfError('file-not-found', `no file '${pattern}' in ${parts.repo.id} at ${parts.revision}`, {
      hint: 'check the name; it is case-sensitive',
    })
  }
  await destination.noteRevision(parts.revision, commit)
  const files = await Promise.all(
    kept.map(async ({ path, oid, size }) => {
      const file = { commit, path, oid, size }
      return { file, isHere: !parts.isForced && (await destination.has(file)) }
    }),
  )
  return { commit, files }
}

/** Fetches every file of the plan that is missing, `workers` files at a time, the large ones first. */
export async function downloadSnapshot(
  fetcher: RepoFetcher,
  patterns: FilePatterns,
  options: { readonly workers: number },
): Promise<Snapshot> {
  const { engine, destination, hub } = fetcher.parts
  const { commit, files } = await planSnapshot(fetcher, patterns)
  const missing = files.filter(({ isHere }) => !isHere)
  if (!hub && missing.length > 0) throw incomplete(fetcher.parts, missing.length)
  engine.report({
    type: 'plan',
    files: files.length,
    size: sizeOf(files),
    missingFiles: missing.length,
    missingSize: sizeOf(missing),
  })
  const results = await fetchAll(
    fetcher,
    files.map(({ file }) => file),
    options.workers,
  )
  return { path: destination.folderOf(commit), commit, files: results }
}

/** Results in the order of `files`. The first error stops what has not begun and is thrown once all is quiet. */
async function fetchAll(
  fetcher: RepoFetcher,
  files: readonly WantedFile[],
  workers: number,
): Promise<FileResult[]> {
  const places = new Semaphore(workers)
  const largestFirst = files.map((file, index) => ({ file, index })).sort((a, b) => b.file.size - a.file.size)
  const results: FileResult[] = []
  let failure: { readonly error: unknown } | undefined
  await Promise.all(
    largestFirst.map(({ file, index }) =>
      places.run(async () => {
        if (failure) return
        try {
          results[index] = await fetcher.fetch(file)
        } catch (error) {
          failure ??= { error }
        }
      }),
    ),
  )
  if (failure) throw failure.error
  return results
}

/** The commit that the revision means now; the one that it meant last when the Hub cannot be asked. */
async function resolveCommit(parts: FetchParts): Promise<Commit> {
  const { repo, revision, hub, destination, signal, isForced } = parts
  if (isCommit(revision)) return revision
  const known = await destination.readRef(revision)
  if (!hub) {
    if (known) return known
    throw new DfhfError(
      'not-cached',
      `${repo.id} at ${revision} is not in the cache, and the Hub may not be asked`,
      {
        hint: 'run again without offline mode',
      },
    )
  }
  if (!known || isForced) parts.onFetchLikely()
  try {
    return (await hub.repoInfo(repo, revision, { signal })).commit
  } catch (error) {
    const isDenied = !(error instanceof DfhfError) || error.code === 'revision-not-found'
    if (!known || isForced || isDenied || !(await destination.readTree(known))) throw error
    parts.engine.report({
      type: 'notice',
      text: `${error.message}; using commit ${known.slice(0, 8)}, the last that was seen`,
    })
    return known
  }
}

/** All files of a commit. A commit never changes, so a list that was kept is as good as the Hub's. */
async function listFiles(
  { repo, revision, hub, destination, signal }: FetchParts,
  commit: Commit,
): Promise<readonly ListedFile[]> {
  const kept = await destination.readTree(commit)
  if (kept) return kept
  if (!hub) {
    throw new DfhfError('not-cached', `the list of files of ${repo.id} at ${revision} is not in the cache`, {
      hint: 'run again without offline mode',
    })
  }
  const files = await Array.fromAsync(hub.listTree(repo, commit, { signal }))
  await destination.noteTree(commit, files)
  return files
}

function incomplete({ repo, revision }: FetchParts, count: number): DfhfError {
  return new DfhfError('not-cached', `${count} files of ${repo.id} at ${revision} are not in the cache`, {
    hint: 'run again without offline mode',
  })
}

function sizeOf(files: SnapshotPlan['files']): number {
  return files.reduce((sum, { file }) => sum + file.size, 0)
}
