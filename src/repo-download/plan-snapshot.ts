import { countOf } from '../base/count-of.ts'
import { DfhfError } from '../base/errors.ts'
import { type Commit, isCommit } from '../blob/oid.ts'
import { UnusableNameError } from '../repo/file-errors.ts'
import type { FileRef, ListedFile, PlacedFile } from '../repo/file-ref.ts'
import { createPathFilter, literalText, matchesPattern } from '../repo/patterns.ts'
import { repoName } from '../repo/repo.ts'
import { isHiddenByCache } from './download-file.ts'
import { Garbage } from './garbage.ts'
import { keepNote, keepRevision } from './keep-note.ts'
import { findClashes, withoutRepeats } from './listing-clashes.ts'
import type { FetchParts, RepoFetcher } from './repo-fetcher.ts'

/** Files that are looked for on the disk at the same time: thousands of such questions at once would fill the memory. */
const PLANNED_AT_ONCE = 32
/** Bytes of garbage that come of reading an entry of a list, and of looking for a file on the disk: about as many. */
const PLANNED_COSTS = 2_000

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
  readonly files: readonly PlannedFile[]
}

/** A file of a plan. Where no list of the commit's files is to be had, `placed` is all that is known of it. */
export type PlannedFile =
  | {
      readonly file: FileRef
      readonly isHere: boolean
      readonly placed?: undefined
      /** Why it cannot be stored. */
      readonly unusable?: UnusableNameError | undefined
    }
  | {
      readonly file: { readonly path: string; readonly size: number }
      readonly isHere: true
      readonly placed: PlacedFile
    }

/** Finds out what the snapshot consists of and what of it is here. Notes the revision, writes nothing else. */
export async function planSnapshot(fetcher: RepoFetcher, patterns: FilePatterns): Promise<SnapshotPlan> {
  const { parts } = fetcher
  const { commit, failure } = await resolveCommit(parts)
  const listing = await listFiles(parts, commit, failure)
  const isKept = createPathFilter(patterns)
  const kept = listing.files.filter((file) => isKept(file.path))
  for (const pattern of patterns.mustMatch) {
    if (kept.some((file) => matchesPattern(file.path, pattern))) continue
    if (!listing.isWhole) throw notCached(`'${pattern}' at ${parts.revision}`)
    throw notListed(parts, pattern, listing)
  }
  if (kept.length === 0) parts.engine.report({ type: 'notice', text: nothingKept(parts, patterns) })
  await keepRevision(parts, commit)
  return { commit, files: await planFiles(parts, commit, kept) }
}

/** What is known of a file before it is looked for here. */
type Wanted = Pick<ListedFile, 'path' | 'oid' | 'size'> | PlacedFile

/** Finds out which of these files of a commit are here and which cannot be stored. */
export async function planFiles(
  parts: FetchParts,
  commit: Commit,
  all: readonly Wanted[],
): Promise<PlannedFile[]> {
  const clashes = findClashes(all.filter((file) => !('file' in file)))
  const wanted = withoutRepeats(all)
  const files: PlannedFile[] = []
  const garbage = new Garbage()
  let next = 0
  const planRest = async () => {
    for (let at = next++, file = wanted[at]; file; at = next++, file = wanted[at]) {
      files[at] = await planFile(parts, commit, file, clashes.get(file.path))
      garbage.add(PLANNED_COSTS)
    }
  }
  await Promise.all(Array.from({ length: PLANNED_AT_ONCE }, planRest))
  return files
}

/** The error for a name that no file has; a folder's name became a pattern for all files below it. */
function notListed({ repo, revision }: FetchParts, pattern: string, listing: Listing): DfhfError {
  const folder = pattern.endsWith('/**') ? literalText(pattern.slice(0, -'/**'.length)) : undefined
  const isFile = folder !== undefined && listing.files.some((file) => file.path === folder)
  const what = folder === undefined ? `file '${pattern}'` : `folder '${folder}'`
  return new DfhfError('file-not-found', `no ${what} in ${repoName(repo)} at ${revision}`, {
    hint: isFile
      ? 'it is a file: write its name without a slash, and blob for tree in an address'
      : 'check the name; it is case-sensitive',
  })
}

function nothingKept({ repo, revision }: FetchParts, { include, exclude }: FilePatterns): string {
  const where = `${repoName(repo)} at ${revision}`
  if (include === undefined && exclude.length === 0) return `${where} has no files`
  const options = [
    ...(include ?? []).map((pattern) => `--include '${pattern}'`),
    ...exclude.map((pattern) => `--exclude '${pattern}'`),
  ]
  return `no file of ${where} is meant by ${options.join(' ')}`
}

async function planFile(
  { destination, isForced }: FetchParts,
  commit: Commit,
  listed: Wanted,
  clash: UnusableNameError | undefined,
): Promise<PlannedFile> {
  if ('file' in listed) return { file: listed, isHere: true, placed: listed }
  const { path, oid, size } = listed
  const file = { commit, path, oid, size }
  if (clash) return { file, isHere: false, unusable: clash }
  try {
    return { file, isHere: (await destination.has(file)) && !isForced }
  } catch (error) {
    if (error instanceof UnusableNameError) return { file, isHere: false, unusable: error }
    throw error
  }
}

/** The commit that a revision means; with the origin's error where it could not be asked. */
interface Resolved {
  readonly commit: Commit
  readonly failure?: DfhfError
}

/** The commit that the revision means now; the one that it meant last when the Hub cannot be asked. */
async function resolveCommit(parts: FetchParts): Promise<Resolved> {
  const { repo, revision, origin, destination, signal, isForced } = parts
  if (isCommit(revision)) return { commit: revision }
  const known = await destination.readRef(revision)
  if (!origin) {
    if (known) return { commit: known }
    throw notCached(`${repo.id} at ${revision}`)
  }
  if (!known || isForced) parts.onFetchLikely()
  try {
    const { commit } = await origin.resolveRevision(repo, revision, { signal })
    return { commit }
  } catch (error) {
    const isDenied = !(error instanceof DfhfError) || error.code === 'revision-not-found'
    if (!known || isForced || isDenied || !(await isListed(parts, known))) throw error
    parts.engine.report({
      type: 'notice',
      text: `${error.message}; using commit ${known.slice(0, 8)}, the last that was seen`,
    })
    return { commit: known, failure: error }
  }
}

async function isListed({ destination }: FetchParts, commit: Commit): Promise<boolean> {
  return ((await destination.readTree(commit)) ?? (await destination.listPlaced(commit))) !== undefined
}

/** What is known of a commit's files. */
interface Listing {
  readonly files: readonly (ListedFile | PlacedFile)[]
  /** False where these are only the files that happen to be here. */
  readonly isWhole: boolean
}

/**
 * All files of a commit. A commit never changes, so a list that was kept is as good as the Hub's. Older clients kept
 * none: where the Hub cannot be asked either, the files that are here have to do, as for huggingface_hub.
 */
async function listFiles(parts: FetchParts, commit: Commit, failure?: DfhfError): Promise<Listing> {
  const { repo, origin, destination, signal, isForced } = parts
  const kept = await destination.readTree(commit)
  if (kept) return { files: kept, isWhole: true }
  let why = failure ?? notCached(`the list of files of ${repo.id} at ${parts.revision}`)
  if (origin && failure === undefined) {
    try {
      const files = await readAll(origin.listFiles(repo, commit, { signal }))
      await keepNote(parts, () => destination.noteTree(commit, files))
      return { files, isWhole: true }
    } catch (error) {
      if (isForced || !isHiddenByCache(error)) throw error
      why = error
    }
  }
  const files = await destination.listPlaced(commit)
  if (files === undefined) throw why
  const text = `${why.message}; taking what is here of it, ${countOf(files.length, 'file')}, for all of it`
  parts.engine.report({ type: 'notice', text })
  return { files, isWhole: false }
}

async function readAll(listed: AsyncIterable<ListedFile>): Promise<ListedFile[]> {
  const garbage = new Garbage()
  const files: ListedFile[] = []
  for await (const file of listed) {
    files.push(file)
    garbage.add(PLANNED_COSTS)
  }
  return files
}

function notCached(what: string): DfhfError {
  return new DfhfError('not-cached', `${what} is not in the cache, and the Hub may not be asked`, {
    hint: 'run again without offline mode',
  })
}
