import type { Content } from '../content.ts'
import type { HttpAnswer, HttpHeaders, HttpRequest } from './message.ts'

/** One satisfiable range, or why there is none. */
type RangeResult = { readonly offset: number; readonly length: number } | 'none' | 'unsatisfiable'

/** Reads a Range header for a body of `size`; several ranges or another unit count as no range. */
function parseRange(header: string | null, size: number): RangeResult {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '')
  if (!match) return 'none'
  const [, first = '', last = ''] = match
  if (first === '' && last === '') return 'none'
  if (first === '') {
    const length = Math.min(Number(last), size)
    return length === 0 ? 'unsatisfiable' : { offset: size - length, length }
  }
  const offset = Number(first)
  const end = last === '' ? size : Math.min(Number(last) + 1, size)
  if (offset >= size) return 'unsatisfiable'
  return end <= offset ? 'none' : { offset, length: end - offset }
}

/** 200, 206 or 416 for a content, honouring If-Range as far as it is an ETag. */
export function contentAnswer(request: HttpRequest, content: Content, headers: HttpHeaders): HttpAnswer {
  const ifRange = request.headers.get('if-range')
  const applies = ifRange === null || ifRange === headers.ETag
  const range = applies ? parseRange(request.headers.get('range'), content.size) : 'none'
  const all = { 'Accept-Ranges': 'bytes', ...headers }
  if (range === 'unsatisfiable') {
    return { status: 416, headers: { ...all, 'Content-Range': `bytes */${content.size}` } }
  }
  if (range === 'none') {
    return { status: 200, headers: all, body: { kind: 'content', content, offset: 0, length: content.size } }
  }
  const last = range.offset + range.length - 1
  const contentRange = `bytes ${range.offset}-${last}/${content.size}`
  return {
    status: 206,
    headers: { ...all, 'Content-Range': contentRange },
    body: { kind: 'content', content, ...range },
  }
}
