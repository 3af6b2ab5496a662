import { signedUrlExpiry } from './signed-url.ts'

const MAX_MARGIN_MS = 30_000

/** Where a blob's bytes are, shared by all its ranges until it expires or is refused. */
export class BlobLocation {
  readonly url: URL
  /** On another host than the Hub, with the permission in the URL. */
  readonly isSigned: boolean
  /** The ETag of the first response from here; all others must have the same. */
  etag: string | undefined
  readonly #renewAtMs: number

  constructor(url: URL, options: { readonly isSigned: boolean; readonly nowMs: number }) {
    this.url = url
    this.isSigned = options.isSigned
    const expiryMs = options.isSigned ? signedUrlExpiry(url) : undefined
    const lifetimeMs = (expiryMs ?? 0) - options.nowMs
    // An address that has expired on arrival means that a clock is wrong; then it is used until the server refuses it.
    this.#renewAtMs =
      expiryMs === undefined || lifetimeMs <= 0
        ? Number.POSITIVE_INFINITY
        : expiryMs - Math.min(MAX_MARGIN_MS, lifetimeMs / 5)
  }

  /** False shortly before it expires. */
  isFresh(nowMs: number): boolean {
    return nowMs < this.#renewAtMs
  }
}
