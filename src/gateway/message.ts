import { safeJson } from '../base/safe-json.ts'

/** One request to the gateway, apart from the server that received it. */
export interface GatewayRequest {
  readonly method: string
  /** As on the request line: `/path?query`, or `http://host/path` from a client that uses the gateway as its proxy. */
  readonly target: string
  readonly headers: Headers
  readonly body: AsyncIterable<Uint8Array>
  /** The IP address that the request came from. */
  readonly address: string
  /** The IP address of this machine that it came to. */
  readonly localAddress: string
  /** Aborts when the client goes away, or the gateway stops. */
  readonly signal: AbortSignal
}

/** Bytes of a file on this disk, which go out without passing through web streams. */
export interface FileBody {
  readonly path: string
  readonly start: number
  readonly end: number
  /** Asked before the last bytes go out; they do not when it gives false, since the file is not what it should be. */
  readonly isGood?: (() => Promise<boolean>) | undefined
  /** Called once, when the bytes were sent or will not be. */
  readonly release: () => void
}

/** A body that is made while it is sent. A chunk's bytes count until the next one is asked for. */
export type StreamBody = AsyncIterable<Uint8Array>

/** A header line; names may repeat, which a web Response cannot express. */
export type HeaderLine = readonly [name: string, value: string]

/** What the gateway sends. A stream that throws breaks the connection, so that no client takes a part for the whole. */
export interface Reply {
  readonly status: number
  readonly headers: readonly HeaderLine[]
  /** The Content-Security-Policy of a page that the gateway itself has. @default 'sandbox' */
  readonly policy?: string | undefined
  readonly body?: Uint8Array | FileBody | StreamBody | undefined
}

/** True for the bytes of a file. */
export function isFileBody(body: Reply['body']): body is FileBody {
  return body !== undefined && 'path' in body
}

/** Gives up a reply that will not be sent. */
export async function discardReply({ body }: Reply): Promise<void> {
  if (body === undefined || body instanceof Uint8Array) return
  if (isFileBody(body)) body.release()
  else await body[Symbol.asyncIterator]().return?.()
}

/** A short text, with its length. */
export function textReply(status: number, text: string, headers: readonly HeaderLine[] = []): Reply {
  const body = new TextEncoder().encode(text)
  return {
    status,
    headers: [
      ['Content-Type', 'text/plain; charset=utf-8'],
      ['Content-Length', String(body.length)],
      ...headers,
    ],
    body,
  }
}

/** A JSON value, with its length. */
export function jsonReply(status: number, value: unknown, headers: readonly HeaderLine[] = []): Reply {
  const body = new TextEncoder().encode(safeJson(value))
  return {
    status,
    headers: [
      ['Content-Type', 'application/json; charset=utf-8'],
      ['Content-Length', String(body.length)],
      ...headers,
    ],
    body,
  }
}
