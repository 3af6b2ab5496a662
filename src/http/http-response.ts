import { DfhfError } from '../base/errors.ts'
import { readBounded, unpacked } from './bounded-body.ts'
import type { HttpHeaders } from './http-headers.ts'
import { type JsonPart, jsonParts } from './json-parts.ts'
import { redactUrl } from './redact-url.ts'
import { adviceMs } from './retry.ts'

/** A body that has not been read yet. */
export interface RawBody {
  /** Its parts as they come; leaving the loop early closes the connection. Called once. */
  chunks(): AsyncIterable<Uint8Array>
  /** Reads up to `limit` bytes and throws them away, so that the connection can be used again; cuts off what is longer. */
  dump(options: { readonly limit: number }): Promise<unknown>
}

/** A response whose headers are here. Its body must be read, or given up with `discard`, or it holds a connection. */
export class HttpResponse {
  readonly status: number
  readonly headers: HttpHeaders
  /** The URL that was asked; may be signed, so print only `redactUrl(url)`. */
  readonly url: string
  /** How long the host asks to be left alone, in ms; for a 429 the pause that all requests to it keep. */
  retryAfterMs: number | undefined
  readonly #raw: RawBody
  readonly #toError: (error: unknown) => unknown
  #isGivenUp = false

  constructor(parts: {
    readonly status: number
    readonly headers: HttpHeaders
    readonly url: string
    readonly raw: RawBody
    readonly toError: (error: unknown) => unknown
  }) {
    this.status = parts.status
    this.headers = parts.headers
    this.url = parts.url
    this.retryAfterMs = adviceMs(parts.status, parts.headers, Date.now())
    this.#raw = parts.raw
    this.#toError = parts.toError
  }

  get isSuccess(): boolean {
    return this.status >= 200 && this.status < 300
  }

  /** The body as it comes from the socket; leaving the loop early closes the connection. */
  get body(): AsyncIterable<Uint8Array> {
    return this.#chunks()
  }

  /** The whole body as text, gzip unpacked; `bad-response` when it is larger than `maxBytes`. */
  async text(maxBytes: number): Promise<string> {
    const bytes = await readBounded(this.body, maxBytes, {
      encoding: this.headers.get('content-encoding'),
      from: redactUrl(this.url),
    })
    return new TextDecoder().decode(bytes)
  }

  /** The whole body as JSON, not yet checked for its shape; `bad-response` when it is none or too large. */
  async json(maxBytes: number): Promise<unknown> {
    const text = await this.text(maxBytes)
    try {
      return JSON.parse(text)
    } catch (cause) {
      throw new DfhfError('bad-response', `${redactUrl(this.url)} did not answer with JSON`, { cause })
    }
  }

  /** The texts of the elements of a JSON list, or of the members of an object, as they come; see `jsonParts`. */
  jsonParts(kind: '[' | '{', maxBytes: number): AsyncGenerator<JsonPart> {
    const from = redactUrl(this.url)
    const encoding = this.headers.get('content-encoding')
    return jsonParts(unpacked(this.body, maxBytes, { encoding, from }), { kind, from })
  }

  /** Gives the body up: a short rest is read so that the connection can be used again, a long one is cut off. */
  async discard(): Promise<void> {
    this.#isGivenUp = true
    await this.#raw.dump({ limit: 64 * 1024 }).catch(() => {})
    await turn()
  }

  async *#chunks(): AsyncGenerator<Uint8Array> {
    if (this.#isGivenUp) return
    try {
      for await (const chunk of this.#raw.chunks()) yield chunk
      await turn()
    } catch (error) {
      throw this.#toError(error)
    }
  }
}

/** undici gives a connection back a turn after its body ended; a request made before that opens another one. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
