import { DfhfError } from '../base/errors.ts'
import type { FileRef } from '../repo/file-ref.ts'
import { type Repo, repoName } from '../repo/repo.ts'

/** The error with the file's name, where its message lacks it. */
export function named(error: unknown, file: FileRef, repo: Repo): unknown {
  if (!(error instanceof DfhfError) || error.message.includes(file.path)) return error
  const { code, hint, retryable, retryAfterMs } = error
  return new DfhfError(code, `${file.path} of ${repoName(repo)}: ${error.message}`, {
    retryable,
    cause: error,
    ...(hint === undefined ? {} : { hint }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
}
