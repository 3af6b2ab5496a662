import { DfhfError } from '../../base/errors.ts'
import type { ByteRange } from '../../blob/pieces.ts'
import type { HttpResponse } from '../http-response.ts'
import { statusError } from '../http-status-error.ts'
import { redactUrl } from '../redact-url.ts'
import { formatRange, parseContentRange } from './content-range.ts'

/** The server gives no ranges that can be checked: the file can only be read as one stream from the start. */
export class RangeIgnoredError extends DfhfError {
  constructor(url: string, what = 'ignores ranges and sends the whole file') {
    super('bad-response', `${redactUrl(url)} ${what}`)
    this.name = 'RangeIgnoredError'
  }
}

/** The file at the URL is another one than before: its size or its ETag differs. */
export class ContentChangedError extends DfhfError {
  constructor(url: string, what: string, options: { readonly retryable?: boolean } = {}) {
    super('bad-response', `${redactUrl(url)} changed: ${what}`, options)
    this.name = 'ContentChangedError'
  }
}

/** Which bytes of which file a response should hold. */
export interface ExpectedRange {
  readonly range: ByteRange
  /** The size of the whole file. */
  readonly size: number
  /** The ETag that an earlier response of the same URL carried; another one now is an error. */
  readonly etag?: string | undefined
}

/** A range whose response was checked and whose bytes can be read. */
export interface OpenedRange {
  /** Exactly the bytes asked for, or it throws; `retryable` when the connection closed early. */
  readonly body: AsyncIterable<Uint8Array>
  readonly etag: string | undefined
}

/** The headers of a request for `range` of a file of `size` bytes; the whole file is asked for without a Range. */
export function rangeHeaders(range: ByteRange, size: number): Record<string, string> {
  const isWhole = range.start === 0 && range.end === size
  return { 'accept-encoding': 'identity', ...(isWhole ? {} : { range: formatRange(range) }) }
}

/**
 * Checks that a response to a request with `rangeHeaders` is that range of that file, and gives its bytes. Throws
 * HttpStatusError for a refusal, RangeIgnoredError or ContentChangedError.
 */
export function readRange(response: HttpResponse, expected: ExpectedRange): OpenedRange {
  const problem = findProblem(response, expected)
  if (problem) {
    response.discard()
    throw problem
  }
  const { range } = expected
  return {
    body: exactly(response.body, range.end - range.start, response.url),
    etag: response.headers.get('etag'),
  }
}

function findProblem(response: HttpResponse, { range, size, etag }: ExpectedRange): DfhfError | undefined {
  const { status, headers, url } = response
  const isWhole = range.start === 0 && range.end === size
  if (status === 416) return new ContentChangedError(url, `it has no byte ${range.start}`)
  if (status !== 200 && status !== 206) return statusError(response)

  const encoding = headers.get('content-encoding') ?? 'identity'
  if (encoding.toLowerCase() !== 'identity')
    return odd(url, `sent packed bytes (${encoding}) though asked not to`)
  const length = headers.get('content-length')
  const given = headers.get('content-range')
  if (status === 200 || (isWhole && given === undefined)) {
    if (!isWhole) return new RangeIgnoredError(url)
    if (length !== undefined && Number(length) !== size)
      return new ContentChangedError(url, `it has ${length} bytes, not ${size}`, { retryable: true })
  } else {
    if (given === undefined) return new RangeIgnoredError(url, 'does not say which range it sends')
    const part = parseContentRange(given)
    if (part?.size !== undefined && part.size !== size)
      return new ContentChangedError(url, `it has ${part.size} bytes, not ${size}`)
    if (part?.range.start !== range.start || part.range.end !== range.end)
      return odd(url, 'answered with other bytes than asked for')
    if (length !== undefined && Number(length) !== range.end - range.start)
      return odd(url, "announced a length that is not its range's")
  }
  const now = headers.get('etag')
  if (etag !== undefined && now !== undefined && now !== etag) {
    return new ContentChangedError(url, 'its ETag differs from the one before')
  }
  return undefined
}

/** The error for a response that makes no sense; it can be retried, since a proxy or one CDN node may be to blame. */
function odd(url: string, what: string): DfhfError {
  return new DfhfError('bad-response', `${redactUrl(url)} ${what}`, { retryable: true })
}

async function* exactly(
  body: AsyncIterable<Uint8Array>,
  length: number,
  url: string,
): AsyncGenerator<Uint8Array> {
  let received = 0
  for await (const chunk of body) {
    received += chunk.length
    if (received > length) throw odd(url, 'sent more bytes than asked for')
    yield chunk
  }
  if (received < length) {
    throw new DfhfError('network', `${redactUrl(url)} closed after ${received} of ${length} bytes`, {
      retryable: true,
    })
  }
}
