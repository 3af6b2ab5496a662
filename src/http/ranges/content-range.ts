import type { ByteRange } from '../../blob/pieces.ts'

/** What a Content-Range says: the bytes that follow and the size of the whole, when the server knows it. */
export interface ContentRange {
  readonly range: ByteRange
  readonly size: number | undefined
}

/** Parses `bytes 0-99/1234` or `bytes 0-99/*` (RFC 9110, 14.4); undefined for anything else, an unsatisfied range included. */
export function parseContentRange(header: string | undefined): ContentRange | undefined {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i.exec(header?.trim() ?? '')
  if (!match) return undefined
  const range = { start: Number(match[1]), end: Number(match[2]) + 1 }
  const size = match[3] === '*' ? undefined : Number(match[3])
  if (range.end <= range.start || (size !== undefined && range.end > size)) return undefined
  return { range, size }
}

/** The Range header for a half-open range that is not empty. */
export function formatRange(range: ByteRange): string {
  return `bytes=${range.start}-${range.end - 1}`
}
