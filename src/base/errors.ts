import { type ErrorClass, type ErrorCode, type ExitCode, errorRow } from './error-table.ts'

interface ErrorOptions {
  /** What the user can do about it, as a short imperative. */
  readonly hint?: string
  /** True when the same attempt may succeed later without any change. */
  readonly retryable?: boolean
  /** How long the other side asked to wait before the next attempt, in milliseconds. */
  readonly retryAfterMs?: number
  readonly cause?: unknown
}

/** The one error that dfhf throws on purpose. The message says what failed, on what and why, in lower case. */
export class DfhfError extends Error {
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly retryable: boolean
  readonly retryAfterMs: number | undefined

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'DfhfError'
    this.code = code
    this.hint = options.hint
    this.retryable = options.retryable ?? false
    this.retryAfterMs = options.retryAfterMs
  }
}

/** The process exit code for any thrown value. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof DfhfError) return errorRow(error.code).exit
  return errorRow(isAbort(error) ? 'interrupted' : 'unexpected').exit
}

/** True for an error of dfhf's that is of one of these classes. */
export function isOfClass(error: unknown, ...classes: readonly ErrorClass[]): error is DfhfError {
  return error instanceof DfhfError && classes.includes(errorRow(error.code).class)
}

/** True for the error that an aborted AbortSignal makes. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}

/** The `code` of a system error (ENOENT, ECONNREFUSED), or undefined for anything else. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
