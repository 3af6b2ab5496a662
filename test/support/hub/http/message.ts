import type { Content } from '../content.ts'
import type { Conduct } from './conduct.ts'

/** One request as it came over the socket; the target is kept raw because clients differ in their encoding. */
export interface HttpRequest {
  readonly method: string
  /** Path and query exactly as sent, an absolute form's origin removed. */
  readonly target: string
  /** The target before `?`, still encoded. */
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: Headers
  readonly body: Uint8Array
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal
}

/** What follows the head; a stream goes out chunked, the others with a Content-Length. */
export type HttpBody =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'content'; readonly content: Content; readonly offset: number; readonly length: number }
  | { readonly kind: 'stream'; readonly stream: AsyncIterable<Uint8Array> | Iterable<Uint8Array> }

/** Header names keep their case; an array becomes several lines. */
export type HttpHeaders = Record<string, string | readonly string[]>

/** One answer; how its bytes are delivered (slow, cut, flipped) is its conduct. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: HttpHeaders
  readonly body?: HttpBody
  readonly conduct?: Conduct
}

/** A text answer. */
export function textAnswer(status: number, text: string, headers: HttpHeaders = {}): HttpAnswer {
  return {
    status,
    headers: { 'Content-Type': 'text/plain; charset=utf-8', ...headers },
    body: { kind: 'bytes', bytes: new TextEncoder().encode(text) },
  }
}

/** A JSON answer. */
export function jsonAnswer(value: unknown, headers: HttpHeaders = {}, status = 200): HttpAnswer {
  return {
    status,
    headers: { 'Content-Type': 'application/json; charset=utf-8', ...headers },
    body: { kind: 'bytes', bytes: new TextEncoder().encode(JSON.stringify(value)) },
  }
}

/** The value of a header whatever its case, the first one of several. */
export function headerOf(headers: HttpHeaders, name: string): string | undefined {
  const wanted = name.toLowerCase()
  for (const [key, value] of Object.entries(headers)) {
    if (key.toLowerCase() === wanted) return typeof value === 'string' ? value : value[0]
  }
  return undefined
}

/** A copy with some headers replaced, or removed where the value is null. */
export function withHeaders(headers: HttpHeaders, changes: Record<string, string | null>): HttpHeaders {
  const changed = new Set(Object.keys(changes).map((name) => name.toLowerCase()))
  const result: HttpHeaders = {}
  for (const [name, value] of Object.entries(headers)) {
    if (!changed.has(name.toLowerCase())) result[name] = value
  }
  for (const [name, value] of Object.entries(changes)) {
    if (value !== null) result[name] = value
  }
  return result
}
