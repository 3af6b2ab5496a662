import { DfhfError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { HttpClient } from '../../http/http-client.ts'
import { lfsOidOf } from '../../hub/hub-hosts.ts'
import { isSafeForToken, type TokenRule } from '../../hub/tokens.ts'
import type { AllowedServer, AllowList } from '../access/allow-list.ts'
import { resolveHost } from '../access/public-address.ts'
import type { BlobReplies } from '../blob-replies.ts'
import type { KnownUrls } from '../known-urls.ts'
import type { GatewayRequest, HeaderLine, Reply } from '../message.ts'
import { refuse } from '../refusal.ts'
import { requestHeaders, responseHeaders } from '../relayed-headers.ts'
import { UrlBlobSource } from '../url-blob-source.ts'
import type { CdnProbe } from './cdn-probe.ts'

const PATIENCE_MS = 60_000
const MAX_MISLEADING = 10_000

/** What decides on addresses, and what gives their bytes. */
export interface CdnProxyParts {
  readonly http: HttpClient
  readonly allowList: AllowList
  readonly known: KnownUrls
  readonly probe: CdnProbe
  readonly blobs: BlobReplies
  readonly tokenRule: TokenRule
  readonly log: Log
}

/**
 * Answers requests to the Hub's CDN over plain http: the CDN is asked over https whether the address is good, and the
 * bytes come from here where their oid is known. Everything else is passed on unread.
 */
export class CdnProxy {
  readonly #parts: CdnProxyParts
  /** Addresses whose last part is not what their bytes hash to. */
  readonly #misleading = new Set<string>()

  constructor(parts: CdnProxyParts) {
    this.#parts = parts
  }

  /** `url` is what the client asked for; the server behind it is on the allow list, or this refuses. */
  async handle(request: GatewayRequest, url: URL): Promise<Reply> {
    const server = this.#parts.allowList.find(url)
    if (!server) {
      return refuse(403, `the gateway does not fetch from ${url.host}; --allow-host names further hosts`)
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return refuse(405, 'only GET and HEAD are passed on to this host')
    }
    const original = new URL(server.origin + url.pathname + url.search)
    await this.#checkAddress(original, server)
    return (await this.#blob(request, original, server)) ?? this.#pass(request, original)
  }

  /** The blob at an address, if it is known what it must be and the server lets the client have it. */
  async #blob(
    request: GatewayRequest,
    original: URL,
    { isLfsStore }: AllowedServer,
  ): Promise<Reply | undefined> {
    const { http, known, probe, blobs, allowList } = this.#parts
    // Bytes that need a client's token are for that client alone.
    if (request.headers.has('authorization')) return undefined
    const learned = known.find(original)
    const key = known.keyOf(original)
    const isNamed = isLfsStore && !this.#misleading.has(key)
    const oid = learned?.oid ?? (isNamed ? lfsOidOf(original.pathname) : undefined)
    // The server is asked first in every case: how long a refusal takes must not reveal what is known of the address.
    const answer = await probe.ask(original)
    const size = answer.isAllowed ? answer.size : undefined
    if (!answer.isAllowed || oid === undefined || size === undefined) return undefined
    // What the Hub said of an address holds for its redirects too; an oid in a path holds for that address alone.
    if (learned ? learned.size !== size : !answer.isDirect) return undefined
    const mayFollow = (target: URL) => learned !== undefined && allowList.mayFollow(target)
    const source = new UrlBlobSource(http, { url: original, size, mayFollow })
    const headers: HeaderLine[] = [['Accept-Ranges', 'bytes'], ...answer.headers]
    const etag = answer.etag === undefined ? {} : { etag: answer.etag }
    const onMismatch = () => {
      known.forget(original)
      if (this.#misleading.size < MAX_MISLEADING) this.#misleading.add(key)
    }
    return blobs.reply(
      request,
      { ...learned, oid, size, source, isProven: true, onMismatch, ...etag },
      headers,
    )
  }

  async #pass(request: GatewayRequest, original: URL): Promise<Reply> {
    const { http, tokenRule } = this.#parts
    const method = request.method === 'HEAD' ? 'HEAD' : 'GET'
    const encoding = request.headers.get('accept-encoding') ?? 'identity'
    const response = await http.request({
      method,
      url: original,
      headers: { ...headersTo(original, request.headers, tokenRule), 'accept-encoding': encoding },
      signal: request.signal,
      headersTimeoutMs: PATIENCE_MS,
      bodyTimeoutMs: PATIENCE_MS,
    })
    const lines = responseHeaders(response.headers, { base: original.origin, endpoint: original })
    if (method === 'HEAD') await response.discard()
    return {
      status: response.status,
      headers: [...lines, ['X-Dfhf-Cache', 'pass']],
      body: method === 'HEAD' ? undefined : response.body,
    }
  }

  /** Refuses a name of the Hub's that resolves to an address of this network; a name that the operator listed may. */
  async #checkAddress({ hostname }: URL, { isListed }: AllowedServer): Promise<void> {
    if (isListed) return
    try {
      await resolveHost(hostname, { mayBeInward: false })
    } catch (error) {
      // Behind a proxy it may be that only the proxy can resolve names.
      if (error instanceof DfhfError && error.code === 'forbidden') throw error
    }
  }
}

/** A client's headers for a server that it names itself: its token too, but not in clear. */
function headersTo(url: URL, headers: Headers, rule: TokenRule): Record<string, string> {
  const { authorization, ...others } = requestHeaders(headers)
  const mayCarry = authorization !== undefined && isSafeForToken(url, rule)
  return { ...others, ...(mayCarry && { authorization }) }
}
