import type { ByteRange } from '../../blob/pieces.ts'

/**
 * What a client's Range means for `size` bytes with `etag` (RFC 9110, 14.2): the range, 'whole' where there is none or
 * it is not for this content, or 'unsatisfiable'. Several ranges count as none, which is always allowed.
 */
export function requestedRange(
  headers: Headers,
  size: number,
  etag: string,
): ByteRange | 'whole' | 'unsatisfiable' {
  const ifRange = headers.get('if-range')
  if (ifRange !== null && ifRange !== etag) return 'whole'
  const [, first = '', last = ''] =
    /^bytes=(\d{0,15})-(\d{0,15})$/.exec(headers.get('range')?.trim() ?? '') ?? []
  if (first === '' && last === '') return 'whole'
  if (first === '') {
    const length = Math.min(Number(last), size)
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size }
  }
  const start = Number(first)
  const end = last === '' ? size : Math.min(Number(last) + 1, size)
  if (last !== '' && Number(last) < start) return 'whole'
  return start >= size ? 'unsatisfiable' : { start, end }
}

/** Whether If-None-Match names `etag`: then the client has it already. */
export function isKnownToClient(headers: Headers, etag: string): boolean {
  const given = headers.get('if-none-match')
  if (given === null) return false
  const tags = given.split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return tags.includes('*') || tags.includes(etag)
}
