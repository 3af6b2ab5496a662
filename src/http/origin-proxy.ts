import { DfhfError, isOfClass } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { HttpClient, HttpRequest } from './http-client.ts'
import type { HttpResponse } from './http-response.ts'

/** A proxy that failed is left alone for so long. */
const PAUSE_MS = 30_000

/** A proxy for blobs, as dfdaemon of Dragonfly is one. */
export interface OriginProxyOptions {
  /** Its address, http alone. */
  readonly url: URL
  readonly log: Log
  /** Milliseconds on a clock that never goes back. @default performance.now */
  readonly now?: () => number
}

/**
 * A client that has blobs of the Hub's CDN fetched by a proxy in Dragonfly's way: asked by plain http for what the Hub has
 * at an https address, with the origin in X-Dragonfly-Registry. What carries a token goes past it, and so does all else
 * while it fails. It need not be trusted: blobs are checked against their oid.
 */
export function withOriginProxy(http: HttpClient, { url, log, now = clock }: OriginProxyOptions): HttpClient {
  let awayUntil = Number.NEGATIVE_INFINITY
  const fail = (reason: string) => {
    if (now() < awayUntil) return
    awayUntil = now() + PAUSE_MS
    log.warn(
      `the origin proxy ${url.host} fails: ${reason}; asking the Hub directly for ${PAUSE_MS / 1000} s`,
    )
  }
  const throughProxy = async (request: HttpRequest): Promise<HttpResponse | undefined> => {
    try {
      const { origin } = new URL(request.url)
      const headers = { ...request.headers, 'x-dragonfly-registry': origin }
      const response = await http.request({ ...request, headers, cache: url })
      // Only bytes are taken from it: whether an address is good, or where it leads, the Hub's own hosts say.
      if (response.status === 200 || response.status === 206) return response
      await response.discard()
      if (response.status >= 500) fail(`it answers ${response.status}`)
    } catch (error) {
      if (!(error instanceof DfhfError) || !isOfClass(error, 'network', 'hub')) throw error
      fail(error.message)
    }
    return undefined
  }
  return {
    ...http,
    async request(request) {
      const isForProxy = request.isBlob === true && !carriesToken(request) && now() >= awayUntil
      return (isForProxy && (await throughProxy(request))) || (await http.request(request))
    },
  }
}

function carriesToken({ headers = {} }: HttpRequest): boolean {
  return Object.keys(headers).some((name) => /^(?:authorization|cookie)$/i.test(name))
}

function clock(): number {
  return performance.now()
}
