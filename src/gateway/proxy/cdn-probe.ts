import { createHash } from 'node:crypto'
import type { HttpClient } from '../../http/http-client.ts'
import type { HttpResponse } from '../../http/http-response.ts'
import { parseContentRange } from '../../http/ranges/content-range.ts'
import { walkRedirects } from '../../http/redirects.ts'
import { signedUrlExpiry } from '../../hub/signed-url.ts'
import type { HeaderLine } from '../message.ts'
import { SingleFlightCache } from '../single-flight-cache.ts'

const MAX_HOPS = 5
const PATIENCE_MS = 30_000
/** How long the server's yes to an address counts, in ms; never longer than the address itself. */
const GOOD_FOR_MS = 30_000
const MAX_REMEMBERED = 5_000

/** What the server says of an address. A client that holds a signed one may have its bytes. */
export type ProbeAnswer =
  | {
      readonly isAllowed: true
      /** False when the response came from another address, by a redirect. */
      readonly isDirect: boolean
      readonly size: number | undefined
      readonly etag: string | undefined
      /** What the server says of the content, for the client. */
      readonly headers: readonly HeaderLine[]
    }
  | { readonly isAllowed: false }

/** Asks servers whether an address is good: by HEAD, or by one byte where a signature is good for a GET alone. */
export class CdnProbe {
  readonly #http: HttpClient
  readonly #mayFollow: (url: URL) => boolean
  readonly #signal: AbortSignal
  readonly #memory = new SingleFlightCache<ProbeAnswer>({ size: MAX_REMEMBERED })

  constructor(options: {
    readonly http: HttpClient
    readonly mayFollow: (url: URL) => boolean
    readonly signal: AbortSignal
  }) {
    this.#http = options.http
    this.#mayFollow = options.mayFollow
    this.#signal = options.signal
  }

  /** The whole address counts, signature and all. Throws `network` and `timeout`. */
  ask(url: URL): Promise<ProbeAnswer> {
    const key = createHash('sha256').update(url.href).digest('base64url')
    return this.#memory.get(
      key,
      () => this.#ask(url),
      ({ isAllowed }) => {
        const left = (signedUrlExpiry(url) ?? Number.POSITIVE_INFINITY) - Date.now()
        return isAllowed ? Math.min(GOOD_FOR_MS, left) : 0
      },
    )
  }

  async #ask(start: URL): Promise<ProbeAnswer> {
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(PATIENCE_MS)])
    const { response, target, count } = await walkRedirects(
      start,
      async (url) => {
        const isForGet = url.searchParams.has('X-Amz-Signature')
        const head = isForGet ? undefined : await this.#send('HEAD', url, signal)
        return head && head.status < 400 ? head : await this.#send('GET', url, signal)
      },
      { follows: (redirect) => redirect.count < MAX_HOPS && this.#mayFollow(redirect.target) },
    )
    return target ? { isAllowed: false } : readProbe(response, count === 0)
  }

  async #send(method: 'HEAD' | 'GET', url: URL, signal: AbortSignal): Promise<HttpResponse> {
    const range = method === 'GET' ? { range: 'bytes=0-0' } : {}
    const headers = { ...range, 'accept-encoding': 'identity' }
    const response = await this.#http.request({ method, url, headers, signal })
    await response.discard()
    return response
  }
}

function readProbe({ status, headers }: HttpResponse, isDirect: boolean): ProbeAnswer {
  const isPlain = (headers.get('content-encoding') ?? 'identity') === 'identity'
  const length = headers.get('content-length')
  // An empty file has no first byte.
  const isEmpty = status === 416 && headers.get('content-range')?.endsWith('/0') === true
  if (status !== 200 && status !== 206 && !isEmpty) return { isAllowed: false }
  const whole =
    status === 200 && length !== undefined && /^\d{1,15}$/.test(length) ? Number(length) : undefined
  const size = isEmpty ? 0 : (parseContentRange(headers.get('content-range'))?.size ?? whole)
  const kept = ['content-type', 'content-disposition', 'last-modified', 'cache-control', 'etag']
  const lines = kept.flatMap((name): HeaderLine[] => {
    const value = headers.get(name)
    return value === undefined ? [] : [[name, value]]
  })
  const etag = headers.get('etag')
  return { isAllowed: true, isDirect, size: isPlain ? size : undefined, etag, headers: lines }
}
