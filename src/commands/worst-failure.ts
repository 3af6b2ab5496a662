import { countOf } from '../base/count-of.ts'
import type { ExitCode } from '../base/error-table.ts'
import { DfhfError, exitCodeOf } from '../base/errors.ts'

/** Exit codes of failures, the worst first: what no new run mends, then what a person must change, then what may pass. */
const worstFirst: readonly ExitCode[] = [1, 5, 7, 4, 3, 2, 6]

/** So many failures are told one by one. */
const MOST_TOLD = 10

/** What failed, by the name of its repo. */
export interface RepoFailure {
  readonly repo: string
  readonly error: unknown
}

/**
 * What to throw for the failures among so many repos, once all is done: the error itself where there was but one repo,
 * else one for all of them, with the exit code and the hint of the worst; undefined where none failed.
 */
export function worstFailure(failures: readonly RepoFailure[], count: number): unknown {
  const rank = ({ error }: RepoFailure) => worstFirst.indexOf(exitCodeOf(error))
  const sorted = [...failures].sort((a, b) => rank(a) - rank(b))
  const [worst] = sorted
  if (!worst) return undefined
  const { error } = worst
  if (count === 1) return error
  const code = error instanceof DfhfError ? error.code : 'unexpected'
  const hint = error instanceof DfhfError ? error.hint : undefined
  const rest = sorted.length - MOST_TOLD
  const reasons = [...sorted.slice(0, MOST_TOLD).map(reasonOf), ...(rest > 0 ? [`and ${rest} more`] : [])]
  return new DfhfError(
    code,
    `${failures.length} of ${countOf(count, 'repo')} failed: ${reasons.join('; ')}`,
    {
      cause: error,
      ...(hint !== undefined && { hint }),
    },
  )
}

/** What went wrong with a repo, in words that name it. */
function reasonOf({ repo, error }: RepoFailure): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.includes(repo) ? message : `${repo}: ${message}`
}
