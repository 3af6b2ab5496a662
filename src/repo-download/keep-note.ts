import { DfhfError } from '../base/errors.ts'
import type { Commit } from '../blob/oid.ts'
import type { FetchParts } from './repo-fetcher.ts'

/** Writes a note that only saves requests later. A failure is only logged, as the files are complete without it. */
export async function keepNote(
  { log }: Pick<FetchParts, 'log'>,
  keep: () => Promise<unknown>,
): Promise<void> {
  try {
    await keep()
  } catch (error) {
    if (!(error instanceof DfhfError)) throw error
    log.debug(`${error.message}; it is not kept`)
  }
}

/** Keeps what a revision means, for runs without the Hub. */
export function keepRevision(parts: FetchParts, commit: Commit): Promise<void> {
  const { destination, engine, revision } = parts
  return keepNote(parts, async () => {
    if (await destination.noteRevision(revision, commit)) return
    const text = `the cache holds a revision whose name is in the way of '${revision}': what that means is not kept for offline use`
    engine.report({ type: 'notice', text })
  })
}
