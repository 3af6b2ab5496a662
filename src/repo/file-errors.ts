import type { ErrorCode } from '../base/error-table.ts'
import { DfhfError } from '../base/errors.ts'
import type { Commit } from '../blob/oid.ts'

/** The file is not in the repo at that commit; known missing files are remembered by their commit. */
export class FileNotFoundError extends DfhfError {
  readonly commit: Commit | undefined

  constructor(message: string, commit: Commit | undefined) {
    super('file-not-found', message, { hint: 'check the name; it is case-sensitive' })
    this.name = 'FileNotFoundError'
    this.commit = commit
  }
}

/** A file's own name is why it cannot be stored; others of the same repo are none the worse for it. */
export class UnusableNameError extends DfhfError {
  constructor(code: ErrorCode, message: string) {
    super(code, message, { hint: 'ask the owner of the repository to rename this file' })
    this.name = 'UnusableNameError'
  }
}
