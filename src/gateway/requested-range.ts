import { parseRange, type RequestedRange } from '../http/ranges/range-header.ts'

/**
 * What a client's Range means for `size` bytes with `etag` (RFC 9110, 14.2): the range, 'whole' where there is none or
 * it is not for this content, or 'unsatisfiable'. Several ranges count as none, which is always allowed.
 */
export function requestedRange(
  headers: Headers,
  size: number,
  etag: string,
): RequestedRange | 'whole' | 'unsatisfiable' {
  const ifRange = headers.get('if-range')
  if (ifRange !== null && ifRange !== etag) return 'whole'
  const range = parseRange(headers.get('range'), size)
  return range === 'none' || range === 'malformed' ? 'whole' : range
}

/** Whether If-None-Match names `etag`: then the client has it already. */
export function isKnownToClient(headers: Headers, etag: string): boolean {
  const given = headers.get('if-none-match')
  if (given === null) return false
  const tags = given.split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return tags.includes('*') || tags.includes(etag)
}
