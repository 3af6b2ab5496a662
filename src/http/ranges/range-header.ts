import type { ByteRange } from '../../blob/pieces.ts'

/** A range that a client asks for. */
export interface RequestedRange extends ByteRange {
  /** True for `bytes=N-`, by which a client goes on with what it has of the file. */
  readonly isRest: boolean
}

/**
 * What a Range header asks of `size` bytes (RFC 9110, 14.1.2): one range, cut to what there is; `none` without a header;
 * `malformed` for another unit, several ranges or one that ends before it begins; `unsatisfiable` for one past the end.
 */
export function parseRange(
  header: string | null,
  size: number,
): RequestedRange | 'none' | 'malformed' | 'unsatisfiable' {
  if (header === null) return 'none'
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header.trim()) ?? []
  if (first === '' && last === '') return 'malformed'
  const isRest = last === ''
  if (first !== '' && !isRest && Number(last) < Number(first)) return 'malformed'
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || isRest ? size : Math.min(size, Number(last) + 1)
  return start < end ? { start, end, isRest } : 'unsatisfiable'
}
