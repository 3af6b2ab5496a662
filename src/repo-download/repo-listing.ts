import { countOf } from '../base/count-of.ts'
import { DfhfError } from '../base/errors.ts'
import { type Commit, isCommit } from '../blob/oid.ts'
import type { ListedFile, PlacedFile } from '../repo/file-ref.ts'
import type { ListedPage, Origin } from '../repo/origin.ts'
import { isHiddenByCache } from './download-file.ts'
import { Garbage } from './garbage.ts'
import { keepNote } from './keep-note.ts'
import type { FetchParts } from './repo-fetcher.ts'

/** Bytes of garbage that come of reading an entry of a list, and of looking for a file on the disk: about as many. */
export const LISTED_COSTS = 2_000

/** What is known of a commit's files. */
export interface Listing {
  readonly commit: Commit
  /** To be read once, from the first page to the last. */
  readonly pages: AsyncIterable<KnownPage>
  /** False where these are only the files that happen to be here. */
  readonly isWhole: boolean
}

/** Files that became known together. */
interface KnownPage {
  readonly files: readonly (ListedFile | PlacedFile)[]
  readonly isLast: boolean
}

/**
 * Finds out which commit is meant, and what its first files are. A commit never changes, so a list that was kept is as
 * good as the Hub's. Older clients kept none: where the Hub cannot be asked either, the files that are here have to do,
 * as for huggingface_hub.
 */
export async function openListing(parts: FetchParts): Promise<Listing> {
  const { repo, origin, destination, isForced } = parts
  const { commit, failure } = await resolveCommit(parts)
  const kept = await destination.readTree(commit)
  if (kept) return { commit, pages: onePage(kept), isWhole: true }
  let why = failure ?? notCached(`the list of files of ${repo.id} at ${parts.revision}`)
  if (origin && failure === undefined) {
    const pages = originPages(parts, origin, commit)
    try {
      return { commit, pages: resumed(await pages.next(), pages), isWhole: true }
    } catch (error) {
      if (isForced || !isHiddenByCache(error)) throw error
      why = error
    }
  }
  const files = await destination.listPlaced(commit)
  if (files === undefined) throw why
  const text = `${why.message}; taking what is here of it, ${countOf(files.length, 'file')}, for all of it`
  parts.engine.report({ type: 'notice', text })
  return { commit, pages: onePage(files), isWhole: false }
}

/** The pages of an origin's list. Before the last one is given the whole list is kept, for runs without the origin. */
export async function* originPages(
  parts: FetchParts,
  origin: Origin,
  commit: Commit,
): AsyncGenerator<ListedPage, void, void> {
  const { repo, destination, signal } = parts
  const garbage = new Garbage()
  const all: ListedFile[] = []
  for await (const page of origin.listPages(repo, commit, { signal })) {
    for (const file of page.files) all.push(file)
    garbage.add(page.files.length * LISTED_COSTS)
    if (page.isLast) await keepNote(parts, () => destination.noteTree(commit, all))
    yield page
  }
}

async function* onePage(files: KnownPage['files']): AsyncGenerator<KnownPage> {
  yield { files, isLast: true }
}

/** What an iterator gives from a result on that was taken from it. */
async function* resumed<T>(first: IteratorResult<T, void>, rest: AsyncGenerator<T, void, void>) {
  try {
    for (let next = first; !next.done; next = await rest.next()) yield next.value
  } finally {
    await rest.return()
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

/** The error where the Hub would have to be asked and may not be. */
export function notCached(what: string): DfhfError {
  return new DfhfError('not-cached', `${what} is not in the cache, and the Hub may not be asked`, {
    hint: 'run again without offline mode',
  })
}
