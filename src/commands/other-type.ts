import { DfhfError } from '../base/errors.ts'
import { type Repo, repoName, repoTypes } from '../repo/repo.ts'
import type { FetchParts } from '../repo-download/repo-fetcher.ts'

/** How long the question may take, in ms: its result is only a hint. */
const PATIENCE_MS = 5_000

/** An error that no repo has this name, with a hint where one of another type has it; any other error as it is. */
export async function withOtherType(error: unknown, { origin, repo, signal }: FetchParts): Promise<unknown> {
  if (!(error instanceof DfhfError) || error.code !== 'repo-not-found' || !origin) return error
  const waiting = { signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]) }
  const others = repoTypes.filter((type) => type !== repo.type).map((type): Repo => ({ ...repo, type }))
  const answers = await Promise.allSettled(
    others.map((other) => origin.resolveRevision(other, 'main', waiting)),
  )
  const other = others.find((_, index) => answers[index]?.status === 'fulfilled')
  if (!other) return error
  const hint = `there is a ${other.type} of this name: write ${writtenAs(other)}`
  return new DfhfError('repo-not-found', error.message, { hint, cause: error })
}

function writtenAs(repo: Repo): string {
  return repo.type === 'model' ? `${repoName(repo)} without --repo-type` : repoName(repo)
}
