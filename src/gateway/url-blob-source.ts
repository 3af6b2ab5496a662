import { DfhfError } from '../base/errors.ts'
import type { ByteRange } from '../blob/pieces.ts'
import type { HttpClient } from '../http/http-client.ts'
import type { HttpResponse } from '../http/http-response.ts'
import { givesBytes, type SendToBytes } from '../http/ranges/gives-bytes.ts'
import { rangeHeaders, readRange } from '../http/ranges/range-request.ts'
import { walkRedirects } from '../http/redirects.ts'
import type { OriginSource, Waiting } from '../repo/origin.ts'

const MAX_HOPS = 5

/** A blob at an address that carries the permission to read it: a signed URL, or one with headers of its own. */
export interface BlobAddress {
  readonly url: URL
  readonly size: number
  /** Sent to the address's own origin and no further. */
  readonly headers?: Readonly<Record<string, string>>
  /** Whether a redirect may be followed there. */
  readonly mayFollow: (url: URL) => boolean
}

/** Gives ranges of a blob at an address. The address cannot be renewed: once its signature expires the fetch fails. */
export class UrlBlobSource implements OriginSource {
  readonly kind = 'hub'
  readonly name = 'hub'
  readonly #http: HttpClient
  readonly #address: BlobAddress
  #etag: string | undefined

  constructor(http: HttpClient, address: BlobAddress) {
    this.#http = http
    this.#address = address
  }

  async open(
    range: ByteRange,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<AsyncIterable<Uint8Array>> {
    const { size } = this.#address
    const response = await this.send({
      method: 'GET',
      headers: rangeHeaders(range, size),
      signal,
      isBlob: true,
    })
    const opened = readRange(response, { range, size, etag: this.#etag })
    this.#etag ??= opened.etag
    return opened.body
  }

  isGiven({ signal }: Waiting = {}): Promise<boolean> {
    return givesBytes((request) => this.send({ ...request, signal }), this.#address.size)
  }

  /** Asks at the address and where it leads, redirects followed as far as they may be. */
  async send(
    request: Parameters<SendToBytes>[0] & Waiting & { readonly isBlob?: boolean },
  ): Promise<HttpResponse> {
    const { headers, mayFollow } = this.#address
    const { response } = await walkRedirects(
      this.#address.url,
      (url) => {
        const own = url.origin === this.#address.url.origin ? headers : undefined
        return this.#http.request({ ...request, url, headers: { ...own, ...request.headers } })
      },
      {
        limit: MAX_HOPS,
        follows: ({ url, target }) => {
          if (mayFollow(target)) return true
          throw new DfhfError('bad-response', `${url.host} leads to ${target.host}, which is not allowed`)
        },
      },
    )
    return response
  }
}
