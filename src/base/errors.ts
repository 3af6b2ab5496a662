/** Every way in which dfhf fails, and the exit code that a script sees for it. */
const exitCodes = {
  unexpected: 1,
  usage: 2,
  'repo-not-found': 3,
  'revision-not-found': 3,
  'file-not-found': 3,
  'not-cached': 3,
  unauthorized: 4,
  gated: 4,
  forbidden: 4,
  'verification-failed': 5,
  'bad-response': 6,
  network: 6,
  timeout: 6,
  'rate-limited': 6,
  'hub-error': 6,
  'no-source': 6,
  'disk-full': 7,
  disk: 7,
  interrupted: 130,
} as const

/** The stable name of a failure; what a caller branches on. */
export type ErrorCode = keyof typeof exitCodes

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
export function exitCodeOf(error: unknown): number {
  return error instanceof DfhfError
    ? exitCodes[error.code]
    : isAbort(error)
      ? exitCodes.interrupted
      : exitCodes.unexpected
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
