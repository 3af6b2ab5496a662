import { DfhfError, isOfClass } from '../base/errors.ts'
import { isCommit } from '../blob/oid.ts'
import { FileNotFoundError } from '../repo/file-errors.ts'
import type { DescribedFile } from '../repo/file-ref.ts'
import type { FileResult } from '../transfer/transfer-event.ts'
import { keepNote, keepRevision } from './keep-note.ts'
import type { FetchParts, RepoFetcher } from './repo-fetcher.ts'

/** True for a failure to ask the origin that a cached file hides; what it clearly denies is not hidden. */
export function isHiddenByCache(error: unknown): error is DfhfError {
  return isOfClass(error, 'network', 'hub', 'malformed', 'denied')
}

/** A file as its origin describes it now, or the path of the copy that serves instead of asking. */
export type Located = { readonly wanted: DescribedFile } | { readonly found: FileResult }

/**
 * Fetches one file by its path in the repo, in the order of huggingface_hub: a commit's file that is here needs no
 * request; otherwise the origin is asked; when it cannot be asked, the file of the last known commit will do.
 */
export async function downloadFile(fetcher: RepoFetcher, path: string): Promise<FileResult> {
  const located = await locateFile(fetcher, path)
  if ('found' in located) return located.found
  const { wanted } = located
  const result = await fetcher.fetch(wanted)
  await keepRevision(fetcher.parts, wanted.commit)
  return result
}

/** Finds out which blob a path means; throws `file-not-found`, `not-cached` and the origin's errors. */
export async function locateFile(fetcher: RepoFetcher, path: string): Promise<Located> {
  const { parts } = fetcher
  const { repo, revision, origin, isForced, destination, signal } = parts
  const startedAt = performance.now()
  const known = await destination.findKnown(revision, path)
  if (known && !isForced && (!origin || isCommit(revision)))
    return { found: fetcher.found(known, known.file, startedAt) }
  if (!origin) throw notCached(parts, path)
  if (!known || isForced) parts.onFetchLikely()
  try {
    const wanted = await origin.describeFile(repo, revision, path, {
      signal,
      isCached: known !== undefined && !isForced,
    })
    return { wanted }
  } catch (error) {
    if (error instanceof FileNotFoundError && error.commit !== undefined) {
      const { commit } = error
      await keepNote(parts, () => destination.noteMissing(commit, path))
      await keepRevision(parts, commit)
    }
    if (!known || isForced || !isHiddenByCache(error)) throw error
    parts.engine.report({ type: 'notice', text: `${error.message}; using the copy of ${path} that is here` })
    return { found: fetcher.found(known, known.file, startedAt) }
  }
}

function notCached({ revision }: FetchParts, path: string): DfhfError {
  return new DfhfError(
    'not-cached',
    `'${path}' at ${revision} is not in the cache, and the Hub may not be asked`,
    {
      hint: 'run again without offline mode',
    },
  )
}
