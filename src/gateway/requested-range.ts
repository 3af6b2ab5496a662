import type { ByteRange } from '../blob/pieces.ts'

/** A range that a client asks for. */
export interface RequestedRange extends ByteRange {
  /** True for `bytes=N-`, by which a client goes on with what it has of the file. */
  readonly isRest: boolean
}

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
  const [, first = '', last = ''] =
    /^bytes=(\d{0,15})-(\d{0,15})$/.exec(headers.get('range')?.trim() ?? '') ?? []
  if (first === '' && last === '') return 'whole'
  if (first === '') {
    const length = Math.min(Number(last), size)
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size, isRest: false }
  }
  const start = Number(first)
  const end = last === '' ? size : Math.min(Number(last) + 1, size)
  if (last !== '' && Number(last) < start) return 'whole'
  return start >= size ? 'unsatisfiable' : { start, end, isRest: last === '' }
}

/** Whether If-None-Match names `etag`: then the client has it already. */
export function isKnownToClient(headers: Headers, etag: string): boolean {
  const given = headers.get('if-none-match')
  if (given === null) return false
  const tags = given.split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return tags.includes('*') || tags.includes(etag)
}
