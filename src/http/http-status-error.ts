import type { ErrorCode } from '../base/error-table.ts'
import { DfhfError } from '../base/errors.ts'
import type { HttpResponse } from './http-response.ts'
import { redactUrl } from './redact-url.ts'
import { isRetryableStatus } from './retry.ts'

/** A response whose status is not a success. */
export class HttpStatusError extends DfhfError {
  readonly status: number

  constructor(
    status: number,
    code: ErrorCode,
    message: string,
    options: { readonly retryable: boolean; readonly retryAfterMs?: number },
  ) {
    super(code, message, options)
    this.name = 'HttpStatusError'
    this.status = status
  }
}

/** The error for a status where nothing more is known of the server; gives the body up. */
export function statusError(response: HttpResponse): HttpStatusError {
  response.discard()
  const { status, retryAfterMs } = response
  return new HttpStatusError(status, codeOf(status), `${redactUrl(response.url)} answered ${status}`, {
    retryable: isRetryableStatus(status),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
}

function codeOf(status: number): ErrorCode {
  if (status === 429) return 'rate-limited'
  if (status === 401) return 'unauthorized'
  if (status === 403) return 'forbidden'
  if (status === 404 || status === 410) return 'file-not-found'
  return isRetryableStatus(status) ? 'hub-error' : 'bad-response'
}
