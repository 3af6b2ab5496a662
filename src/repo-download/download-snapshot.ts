import { countOf } from '../base/count-of.ts'
import { DfhfError } from '../base/errors.ts'
import type { Commit } from '../blob/oid.ts'
import type { FileRef } from '../repo/file-ref.ts'
import type { FileResult, TransferEvent } from '../transfer/transfer-event.ts'
import {
  type FilePatterns,
  isMissing,
  type PlannedFile,
  type PlannedPage,
  planPages,
  type SnapshotPlan,
} from './plan-snapshot.ts'
import type { FetchParts, RepoFetcher } from './repo-fetcher.ts'
import { openListing } from './repo-listing.ts'
import { type SnapshotOptions, SnapshotRun } from './snapshot-run.ts'

/** A snapshot that is complete: its folder and its files. */
export interface Snapshot {
  readonly path: string
  readonly commit: Commit
  /** Empty where results are not kept. */
  readonly files: readonly FileResult[]
}

/** How much is meant, and how much of it is not here. */
export interface Amounts {
  readonly files: number
  readonly size: number
  readonly missingFiles: number
  readonly missingSize: number
}

/**
 * Plans a snapshot, reports the plan and brings it: the first files while the list of the last is still being read. What
 * a user named must all be in the list, so then it is read first.
 */
export async function downloadSnapshot(
  fetcher: RepoFetcher,
  patterns: FilePatterns,
  options: SnapshotOptions,
): Promise<Snapshot> {
  const { parts } = fetcher
  const listing = await openListing(parts)
  const pages = planPages(fetcher, listing, patterns)
  const run = new SnapshotRun(fetcher, listing.commit, options)
  const amounts: Amounts[] = []
  try {
    for await (const page of patterns.mustMatch.length > 0 ? inOne(pages) : pages) {
      checkIsBringable(fetcher, page)
      amounts.push(amountsOf(page))
      parts.engine.report(planEvent(amounts, page))
      await run.add(page)
      if (run.hasFailed) break
    }
  } catch (error) {
    run.fail(error)
  }
  return { ...placeOf(fetcher, listing), files: await run.end() }
}

/** Fetches every file of the plan that is missing. */
export async function bringSnapshot(
  fetcher: RepoFetcher,
  plan: SnapshotPlan,
  options: SnapshotOptions,
): Promise<Snapshot> {
  const run = new SnapshotRun(fetcher, plan.commit, options)
  await run.add({ files: plan.files, isLast: true })
  return { ...placeOf(fetcher, plan), files: await run.end() }
}

function placeOf({ parts }: RepoFetcher, { commit }: { readonly commit: Commit }) {
  return { path: parts.destination.folderOf(commit), commit }
}

/** All pages as one. */
async function* inOne(pages: AsyncIterable<PlannedPage>): AsyncGenerator<PlannedPage> {
  const all = await Array.fromAsync(pages)
  yield { files: all.flatMap(({ files }) => files), isLast: true }
}

/** Throws `not-cached` where the plan needs an origin and there is none. */
export function checkIsBringable(
  { parts }: RepoFetcher,
  { files }: { readonly files: readonly PlannedFile[] },
): void {
  const missing = files.filter(({ isHere }) => !isHere).length
  if (!parts.origin && missing > 0) throw incomplete(parts, missing)
}

/** What files amount to. */
export function amountsOf({ files }: { readonly files: readonly PlannedFile[] }): Amounts {
  const missing = files.filter(({ isHere }) => !isHere)
  return {
    files: files.length,
    size: sizeOf(files),
    missingFiles: missing.length,
    missingSize: sizeOf(missing),
  }
}

/** What plans amount to together; `isLast` where nothing is to follow. */
export function planEvent(
  plans: readonly Amounts[],
  { isLast }: { readonly isLast: boolean } = { isLast: true },
): TransferEvent {
  const sum = (key: keyof Amounts) => plans.reduce((total, plan) => total + plan[key], 0)
  return {
    type: 'plan',
    files: sum('files'),
    size: sum('size'),
    missingFiles: sum('missingFiles'),
    missingSize: sum('missingSize'),
    isWhole: isLast,
  }
}

/** What has to be fetched, and can be stored. */
export function missingFiles(files: readonly PlannedFile[]): FileRef[] {
  return files.flatMap((each) => (isMissing(each) ? [each.file] : []))
}

function incomplete({ repo, revision }: FetchParts, count: number): DfhfError {
  return new DfhfError(
    'not-cached',
    `${countOf(count, 'file')} of ${repo.id} at ${revision} ${count === 1 ? 'is' : 'are'} not in the cache`,
    {
      hint: 'run again without offline mode',
    },
  )
}

function sizeOf(files: readonly PlannedFile[]): number {
  return files.reduce((sum, { file }) => sum + file.size, 0)
}
