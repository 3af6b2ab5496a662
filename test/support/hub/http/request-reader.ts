import type { HttpRequest } from './message.ts'

const headEnd = Buffer.from('\r\n\r\n')
const largestHead = 256 * 1024

/** A request that is not HTTP/1.x as this server reads it. */
export class MalformedRequest extends Error {}

/** Collects the bytes of one connection and cuts them into requests. */
export class RequestReader {
  #pending: Buffer = Buffer.alloc(0)
  #sentContinue = false
  readonly #signal: AbortSignal
  readonly #sendContinue: () => void

  constructor(signal: AbortSignal, sendContinue: () => void) {
    this.#signal = signal
    this.#sendContinue = sendContinue
  }

  /** Takes bytes from the socket. */
  push(bytes: Uint8Array): void {
    this.#pending = this.#pending.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#pending, bytes])
  }

  /** The next whole request, or undefined while more bytes are needed. */
  next(): HttpRequest | undefined {
    const end = this.#pending.indexOf(headEnd)
    if (end < 0) {
      if (this.#pending.length > largestHead) throw new MalformedRequest('request head too large')
      return undefined
    }
    const [requestLine = '', ...lines] = this.#pending.toString('latin1', 0, end).split('\r\n')
    const headers = parseHeaders(lines)
    if (requestLine.endsWith('/1.0') && !headers.has('connection')) headers.set('connection', 'close')
    const body = this.#takeBody(end + headEnd.length, headers)
    if (body === undefined) return undefined
    this.#sentContinue = false
    return { ...parseRequestLine(requestLine), headers, body, signal: this.#signal }
  }

  #takeBody(start: number, headers: Headers): Uint8Array | undefined {
    const chunked = /\bchunked\b/i.test(headers.get('transfer-encoding') ?? '')
    const length = Number(headers.get('content-length') ?? 0)
    const taken = chunked
      ? dechunk(this.#pending, start)
      : this.#pending.length < start + length
        ? undefined
        : { body: this.#pending.subarray(start, start + length), end: start + length }
    if (taken === undefined) {
      if (headers.has('expect') && !this.#sentContinue) this.#sendContinue()
      this.#sentContinue = headers.has('expect')
      return undefined
    }
    const body = Uint8Array.from(taken.body)
    this.#pending = Buffer.from(this.#pending.subarray(taken.end))
    return body
  }
}

function parseRequestLine(line: string): Pick<HttpRequest, 'method' | 'target' | 'path' | 'query'> {
  const match = /^([A-Z]+) (\S+) HTTP\/1\.[01]$/.exec(line)
  if (!match) throw new MalformedRequest(`bad request line: ${line.slice(0, 80)}`)
  const [, method = '', rawTarget = ''] = match
  const target = rawTarget.replace(/^https?:\/\/[^/]*/i, '') || '/'
  const mark = target.indexOf('?')
  const path = mark < 0 ? target : target.slice(0, mark)
  return { method, target, path, query: new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1)) }
}

function parseHeaders(lines: readonly string[]): Headers {
  const headers = new Headers()
  for (const line of lines) {
    const colon = line.indexOf(':')
    if (colon <= 0) throw new MalformedRequest('bad header line')
    headers.append(line.slice(0, colon).trim(), line.slice(colon + 1).trim())
  }
  return headers
}

function dechunk(buffer: Buffer, start: number): { body: Buffer; end: number } | undefined {
  const parts: Buffer[] = []
  let at = start
  for (;;) {
    const lineEnd = buffer.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const size = Number.parseInt(buffer.toString('latin1', at, lineEnd), 16)
    if (Number.isNaN(size)) throw new MalformedRequest('bad chunk size')
    const dataEnd = lineEnd + 2 + size
    if (buffer.length < dataEnd + 2) return undefined
    if (size === 0) return { body: Buffer.concat(parts), end: dataEnd + 2 }
    parts.push(buffer.subarray(lineEnd + 2, dataEnd))
    at = dataEnd + 2
  }
}
