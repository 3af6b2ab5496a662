import { DfhfError } from '../base/errors.ts'
import { createTimeSlice } from '../base/time-slice.ts'
import type { Commit } from '../blob/oid.ts'
import { UnusableNameError } from '../repo/file-errors.ts'
import type { FileRef, ListedFile, PlacedFile } from '../repo/file-ref.ts'
import { createPathFilter, literalText, matchesPattern } from '../repo/patterns.ts'
import { repoName } from '../repo/repo.ts'
import { Garbage } from './garbage.ts'
import { keepRevision } from './keep-note.ts'
import { ListingClashes } from './listing-clashes.ts'
import type { FetchParts, RepoFetcher } from './repo-fetcher.ts'
import { LISTED_COSTS, type Listing, notCached, openListing } from './repo-listing.ts'

/** Files that are looked for on the disk at the same time: thousands of such questions at once would fill the memory. */
const PLANNED_AT_ONCE = 32

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

/** The next files of a plan whose list is still being read. */
export interface PlannedPage {
  readonly files: readonly PlannedFile[]
  /** True where no page follows. */
  readonly isLast: boolean
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

/** True for what has to be fetched, and can be stored. */
export function isMissing(planned: PlannedFile): planned is PlannedFile & { readonly file: FileRef } {
  return !planned.isHere && !planned.unusable
}

/** Finds out what the snapshot consists of and what of it is here. Notes the revision, writes nothing else. */
export async function planSnapshot(fetcher: RepoFetcher, patterns: FilePatterns): Promise<SnapshotPlan> {
  const listing = await openListing(fetcher.parts)
  const pages = await Array.fromAsync(planPages(fetcher, listing, patterns))
  return { commit: listing.commit, files: pages.flatMap(({ files }) => files) }
}

/**
 * The plan for the files that the patterns keep, as their list is read. Before the last page is given, the patterns that
 * must match have been checked and the revision is noted.
 */
export async function* planPages(
  { parts }: RepoFetcher,
  { commit, pages, isWhole }: Listing,
  patterns: FilePatterns,
): AsyncGenerator<PlannedPage> {
  const isKept = createPathFilter(patterns)
  const names = new NamesToFind(patterns.mustMatch)
  const clashes = new ListingClashes()
  let count = 0
  for await (const { files, isLast } of pages) {
    const kept = files.filter(({ path }) => isKept(path))
    count += kept.length
    names.look(files, kept)
    if (isLast) {
      const missing = names.firstMissing()
      if (missing !== undefined && isWhole) throw notListed(parts, missing)
      if (missing !== undefined) throw notCached(`'${missing.pattern}' at ${parts.revision}`)
      if (count === 0) parts.engine.report({ type: 'notice', text: nothingKept(parts, patterns) })
      await keepRevision(parts, commit)
    }
    if (isLast || kept.length > 0) yield { files: await planFiles(parts, commit, kept, clashes), isLast }
  }
}

/** What is known of a file before it is looked for here. */
type Wanted = Pick<ListedFile, 'path' | 'oid' | 'size'> | PlacedFile

/** Finds out which of these files of a commit are here and which cannot be stored; `known` are those before them. */
export async function planFiles(
  parts: FetchParts,
  commit: Commit,
  all: readonly Wanted[],
  known = new ListingClashes(),
): Promise<PlannedFile[]> {
  const { files: wanted, clashes } = known.add(all)
  const files: PlannedFile[] = []
  const garbage = new Garbage()
  const othersTurn = createTimeSlice()
  let next = 0
  const planRest = async () => {
    for (let at = next++, file = wanted[at]; file; at = next++, file = wanted[at]) {
      await othersTurn()
      files[at] = await planFile(parts, commit, file, clashes.get(file.path))
      garbage.add(LISTED_COSTS)
    }
  }
  await Promise.all(Array.from({ length: PLANNED_AT_ONCE }, planRest))
  return files
}

/** A pattern that no file matched; for a folder's, its name and whether a file has it. */
interface MissingName {
  readonly pattern: string
  /** A folder's name became a pattern for all files below it. */
  readonly folder: string | undefined
  readonly isFile: boolean
}

/** The names that a user gave, which must all be in a listing. */
class NamesToFind {
  readonly #missing: Map<string, { readonly folder: string | undefined; isFile: boolean }>

  constructor(patterns: readonly string[]) {
    const folderOf = (pattern: string) =>
      pattern.endsWith('/**') ? literalText(pattern.slice(0, -'/**'.length)) : undefined
    this.#missing = new Map(
      patterns.map((pattern) => [pattern, { folder: folderOf(pattern), isFile: false }]),
    )
  }

  /** Looks at the next files of the listing, and at those of them that are kept. */
  look(files: readonly Listed[], kept: readonly Listed[]): void {
    for (const [pattern, name] of this.#missing) {
      if (kept.some(({ path }) => matchesPattern(path, pattern))) this.#missing.delete(pattern)
      else name.isFile ||= files.some(({ path }) => path === name.folder)
    }
  }

  firstMissing(): MissingName | undefined {
    const [first] = this.#missing
    return first && { pattern: first[0], ...first[1] }
  }
}

interface Listed {
  readonly path: string
}

function notListed({ repo, revision }: FetchParts, { pattern, folder, isFile }: MissingName): DfhfError {
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
