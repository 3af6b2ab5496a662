import { countOf } from '../base/count-of.ts'
import { DfhfError } from '../base/errors.ts'
import { type Commit, isOid, type Oid } from '../blob/oid.ts'
import { UnusableNameError } from '../repo/file-errors.ts'
import type { FileRef } from '../repo/file-ref.ts'
import { FilesInFlight } from '../transfer/files-in-flight.ts'
import type { FileResult } from '../transfer/transfer-event.ts'
import { type BundledFiles, bundleFiles } from './bundled-files.ts'
import { Garbage } from './garbage.ts'
import { isMissing, type PlannedFile, type PlannedPage } from './plan-snapshot.ts'
import type { RepoFetcher } from './repo-fetcher.ts'

/** Bytes of garbage that come of one file, besides twice its own: what is larger than this is given back by hand. */
const FETCHED_COSTS = 16_000
const MOST_GARBAGE = 2 ** 17
/** The same of a file that came with many others. */
const BUNDLED_COSTS = 4_000

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

/** A file of the plan, its number in it, and what may bring it together with others. */
interface Numbered {
  readonly planned: PlannedFile
  readonly index: number
  readonly bundled: BundledFiles | undefined
}

/**
 * Brings the files of one snapshot, several at a time; more may be added while the first are on their way. The first
 * error stops what has not begun and is thrown once all is quiet; names that cannot be stored stop nothing and are told
 * at the end.
 */
export class SnapshotRun {
  readonly #fetcher: RepoFetcher
  readonly #commit: Commit
  readonly #options: SnapshotOptions
  readonly #crowd: FilesInFlight<Numbered>
  readonly #garbage = new Garbage()
  readonly #results: FileResult[] = []
  readonly #unusable: UnusableNameError[] = []
  readonly #bundles: BundledFiles[] = []
  /** What was added and is not here yet. */
  readonly #owed = new Set<FileRef>()
  #count = 0
  /** How many files had been added when there was last found to be room for them. */
  #roomChecked = 0
  #failure: { readonly error: unknown } | undefined

  constructor(fetcher: RepoFetcher, commit: Commit, options: SnapshotOptions) {
    this.#fetcher = fetcher
    this.#commit = commit
    this.#options = options
    const { engine, origin } = fetcher.parts
    this.#crowd = new FilesInFlight({
      work: (file) => this.#bring(file),
      isSmall: ({ planned }) => fetcher.isSmall(planned.file),
      mostSmall: options.mostSmall ?? options.workers,
      mostOthers: options.workers,
      isHeldBack: () => engine.isHeldBack,
      requestsLeft: () => origin?.requestsLeft,
    })
  }

  get hasFailed(): boolean {
    return this.#failure !== undefined
  }

  /** Takes more files. Throws `disk-full` where there is less room than all that is still to come takes. */
  async add({ files, isLast }: PlannedPage): Promise<void> {
    const first = this.#count
    const numbered = files.map((planned, at) => ({ planned, index: first + at }))
    const smallestFirst = numbered.sort((a, b) => a.planned.file.size - b.planned.file.size)
    const missing = new Map<FileRef, number>()
    for (const { planned, index } of smallestFirst) if (isMissing(planned)) missing.set(planned.file, index)
    for (const file of missing.keys()) this.#owed.add(file)
    this.#count += files.length
    // Each look goes through all that is owed and through the folder of blobs: so not at every page of a long list.
    if (isLast || this.#count >= 2 * this.#roomChecked) {
      await this.#fetcher.ensureRoom([...this.#owed])
      this.#roomChecked = this.#count
    }
    const before = this.#bundles.at(-1)
    const bundled = await bundleFiles(this.#fetcher, [...missing.keys()], before, (file, result) => {
      this.#keep(missing.get(file) ?? 0, result)
      this.#owed.delete(file)
      this.#garbage.add(BUNDLED_COSTS)
    })
    if (bundled) this.#bundles.push(bundled)
    this.#crowd.add(smallestFirst.map((file) => ({ ...file, bundled })))
  }

  /** Stops what has not begun. */
  fail(error: unknown): void {
    this.#failure ??= { error }
  }

  /** Resolves to the results in the order in which the files were added. */
  async end(): Promise<FileResult[]> {
    await this.#crowd.end()
    for (const bundled of this.#bundles) await bundled[Symbol.asyncDispose]()
    // Once for all pages of a long list: then what came in bundles outlives a power loss.
    if (this.#bundles.length > 0) await this.#fetcher.parts.destination.syncNames?.()
    if (this.#failure) throw this.#failure.error
    const [first] = this.#unusable
    if (first) throw allButUnusable(first, this.#unusable, this.#count)
    return this.#results
  }

  async #bring({ planned, index, bundled }: Numbered): Promise<void> {
    if (isMissing(planned) && !this.#failure && (await bundled?.takes(planned.file))) return
    if (this.#failure) return
    const { isIntact } = this.#options
    try {
      const found = await bring(this.#fetcher, this.#commit, planned)
      const result = isIntact ? await checked(found, planned.file.path, isIntact) : found
      this.#keep(index, result)
      this.#garbage.add(FETCHED_COSTS + Math.min(MOST_GARBAGE, 2 * result.size))
      if (isMissing(planned)) this.#owed.delete(planned.file)
    } catch (error) {
      if (error instanceof UnusableNameError) this.#unusable.push(error)
      else this.fail(error)
    }
  }

  #keep(index: number, result: FileResult): void {
    if (this.#options.keepsResults !== false) this.#results[index] = result
  }
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
