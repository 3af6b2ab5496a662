import { countOf } from '../base/count-of.ts'
import { DfhfError } from '../base/errors.ts'
import { type Commit, isOid, type Oid } from '../blob/oid.ts'
import { UnusableNameError } from '../repo/file-errors.ts'
import type { FileRef } from '../repo/file-ref.ts'
import { FilesInFlight } from '../transfer/files-in-flight.ts'
import type { FileResult, TransferEvent } from '../transfer/transfer-event.ts'
import { bundleFiles } from './bundled-files.ts'
import { Garbage } from './garbage.ts'
import { type FilePatterns, type PlannedFile, planSnapshot, type SnapshotPlan } from './plan-snapshot.ts'
import type { FetchParts, RepoFetcher } from './repo-fetcher.ts'

/** Bytes of garbage that come of one file, besides twice its own: what is larger than this is given back by hand. */
const FETCHED_COSTS = 16_000
const MOST_GARBAGE = 2 ** 17
/** The same of a file that came with many others. */
const BUNDLED_COSTS = 4_000

/** A snapshot that is complete: its folder and its files. */
export interface Snapshot {
  readonly path: string
  readonly commit: Commit
  /** Empty where results are not kept. */
  readonly files: readonly FileResult[]
}

/** How many files of a snapshot may be in flight. */
export interface SnapshotOptions {
  readonly workers: number
  /** Of small files, where that is another number: as many of them as pay off, and never more. */
  readonly mostSmall?: number | undefined
  /** False where nothing is told of single files: their results would be most of the memory. @default true */
  readonly keepsResults?: boolean
  /** Whether a file that was here before holds what its oid says. @default it is believed, as in every cache */
  readonly isIntact?: ((path: string, oid: Oid) => Promise<boolean>) | undefined
}

/** Plans a snapshot, reports the plan and brings it. */
export async function downloadSnapshot(
  fetcher: RepoFetcher,
  patterns: FilePatterns,
  options: SnapshotOptions,
): Promise<Snapshot> {
  const plan = await planSnapshot(fetcher, patterns)
  checkIsBringable(fetcher, plan)
  fetcher.parts.engine.report(planEvent([plan]))
  return bringSnapshot(fetcher, plan, options)
}

/** Throws `not-cached` where the plan needs an origin and there is none. */
export function checkIsBringable({ parts }: RepoFetcher, { files }: SnapshotPlan): void {
  const missing = files.filter(({ isHere }) => !isHere).length
  if (!parts.origin && missing > 0) throw incomplete(parts, missing)
}

/** What plans amount to together. */
export function planEvent(plans: readonly SnapshotPlan[]): TransferEvent {
  const sum = (of: (plan: SnapshotPlan) => number) => plans.reduce((total, plan) => total + of(plan), 0)
  const missingOf = ({ files }: SnapshotPlan) => files.filter(({ isHere }) => !isHere)
  return {
    type: 'plan',
    files: sum(({ files }) => files.length),
    size: sum(({ files }) => sizeOf(files)),
    missingFiles: sum((plan) => missingOf(plan).length),
    missingSize: sum((plan) => sizeOf(missingOf(plan))),
  }
}

/** What has to be fetched, and can be stored. */
export function missingFiles(files: readonly PlannedFile[]): FileRef[] {
  return files.flatMap((each) => (isMissing(each) ? [each.file] : []))
}

/** Fetches every file of the plan that is missing, several files at a time, the small ones first. */
export async function bringSnapshot(
  fetcher: RepoFetcher,
  { commit, files }: SnapshotPlan,
  options: SnapshotOptions,
): Promise<Snapshot> {
  const { destination } = fetcher.parts
  await fetcher.ensureRoom(missingFiles(files))
  const results = await fetchAll(fetcher, commit, files, options)
  return { path: destination.folderOf(commit), commit, files: results }
}

/**
 * Results in the order of `files`. The first error stops what has not begun and is thrown once all is quiet; names that
 * cannot be stored stop nothing and are told at the end. The large files come last: a single one can use all connections, and nothing small has to wait for it.
 */
async function fetchAll(
  fetcher: RepoFetcher,
  commit: Commit,
  files: readonly PlannedFile[],
  { workers, mostSmall, isIntact, keepsResults = true }: SnapshotOptions,
): Promise<FileResult[]> {
  const { engine, origin } = fetcher.parts
  const places = new FilesInFlight({
    mostSmall: mostSmall ?? workers,
    mostOthers: workers,
    isHeldBack: () => engine.isHeldBack,
    requestsLeft: () => origin?.requestsLeft,
  })
  const count = files.length
  const smallestFirst = [...files].sort((a, b) => a.file.size - b.file.size)
  const garbage = new Garbage()
  const results = new Map<string, FileResult>()
  const keep = (path: string, result: FileResult) => {
    if (keepsResults) results.set(path, result)
  }
  await using bundled = await bundleFiles(fetcher, missingFiles(smallestFirst), ({ path }, result) => {
    keep(path, result)
    garbage.add(BUNDLED_COSTS)
  })
  let failure: { readonly error: unknown } | undefined
  const unusable: UnusableNameError[] = []
  await places.each(
    takeFrom(smallestFirst.reverse(), ({ file }) => bundled?.takes(file) === true),
    async (planned) => {
      const { path } = planned.file
      if (failure || (isMissing(planned) && (await bundled?.takesLater(planned.file)))) return
      if (failure) return
      try {
        const found = await bring(fetcher, commit, planned)
        const result = isIntact ? await checked(found, path, isIntact) : found
        keep(path, result)
        garbage.add(FETCHED_COSTS + Math.min(MOST_GARBAGE, 2 * result.size))
      } catch (error) {
        if (error instanceof UnusableNameError) unusable.push(error)
        else failure ??= { error }
      }
    },
    ({ file }) => fetcher.isSmall(file),
  )
  if (failure) throw failure.error
  const [first] = unusable
  if (first) throw allButUnusable(first, unusable, count)
  return files.flatMap(({ file }) => results.get(file.path) ?? [])
}

/**
 * Takes what is last off the list, so that no list holds it for longer than it is worked on; passes over what needs no
 * work any more when its turn comes.
 */
function* takeFrom<T extends object>(list: T[], isDone: (item: T) => boolean): Generator<T> {
  for (let item = list.pop(); item; item = list.pop()) if (!isDone(item)) yield item
}

function isMissing(planned: PlannedFile): planned is PlannedFile & { readonly file: FileRef } {
  return !planned.isHere && !planned.unusable
}

/** The error when all files are here but those whose names cannot be stored. */
function allButUnusable(
  first: UnusableNameError,
  all: readonly UnusableNameError[],
  count: number,
): DfhfError {
  const reasons = all.map(({ message }) => message).join('; ')
  return new DfhfError(
    first.code,
    `${all.length} of ${countOf(count, 'file')} cannot be stored, all others are here: ${reasons}`,
    {
      hint: `leave ${all.length === 1 ? 'it' : 'them'} out with --exclude`,
      cause: first,
    },
  )
}

async function bring(fetcher: RepoFetcher, commit: Commit, planned: PlannedFile): Promise<FileResult> {
  if (planned.placed === undefined) {
    if (planned.unusable) throw planned.unusable
    return fetcher.fetch(planned.file, { isMissing: !planned.isHere })
  }
  const { file, oid, size } = planned.placed
  return fetcher.found({ commit, oid, size }, file, performance.now())
}

/** A result whose content is known to be its oid's; a file that was here before is read for it. */
async function checked(
  result: FileResult,
  name: string,
  isIntact: NonNullable<SnapshotOptions['isIntact']>,
): Promise<FileResult> {
  if (result.verified) return result
  if (isOid(result.oid) && (await isIntact(result.path, result.oid))) return { ...result, verified: true }
  throw new DfhfError('verification-failed', `${name} at ${result.path} does not hold what its oid says`, {
    hint: 'run again with --force-download',
  })
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

function sizeOf(files: SnapshotPlan['files']): number {
  return files.reduce((sum, { file }) => sum + file.size, 0)
}
