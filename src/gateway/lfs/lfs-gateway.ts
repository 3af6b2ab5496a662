import { isObject } from '../../base/json-object.ts'
import { isSha256 } from '../../blob/oid.ts'
import type { HttpClient } from '../../http/http-client.ts'
import { signedUrlExpiry } from '../../hub/signed-url.ts'
import { pluralOf, type Repo } from '../../repo/repo.ts'
import type { BlobReplies } from '../blob-replies.ts'
import type { KnownUrls } from '../known-urls.ts'
import type { GatewayRequest, HeaderLine, Reply } from '../message.ts'
import type { HubUpstream } from '../mirror/hub-upstream.ts'
import { refuse } from '../refusal.ts'
import { requestHeaders, responseHeaders, withErrorCode } from '../relayed-headers.ts'
import { readBody } from '../request-body.ts'
import { UrlBlobSource } from '../url-blob-source.ts'
import { LfsTickets } from './lfs-tickets.ts'

const MAX_BATCH_SIZE = 4 * 2 ** 20
const MAX_RESPONSE_SIZE = 32 * 2 ** 20
const PATIENCE_MS = 60_000
const DEFAULT_LIFETIME_MS = 600_000

/** The parts with which LfsGateway answers. */
export interface LfsGatewayParts {
  readonly hub: HubUpstream
  readonly http: HttpClient
  readonly blobs: BlobReplies
  readonly known: KnownUrls
}

/** git-lfs over the gateway: the Hub decides about each batch, the objects come from here. */
export class LfsGateway {
  readonly #parts: LfsGatewayParts
  readonly #tickets = new LfsTickets()

  constructor(parts: LfsGatewayParts) {
    this.#parts = parts
  }

  /** Passes a batch request on; `base` is the origin under which the client sees the gateway. */
  async batch(request: GatewayRequest, repo: Repo, base: string): Promise<Reply> {
    const { hub } = this.#parts
    using batch = await readBody(request, MAX_BATCH_SIZE)
    const response = await hub.send({
      method: 'POST',
      target: request.target,
      headers: { ...requestHeaders(request.headers), 'accept-encoding': 'gzip' },
      body: batch.bytes,
      signal: request.signal,
      headersTimeoutMs: PATIENCE_MS,
    })
    const text = await response.text(MAX_RESPONSE_SIZE)
    const lines = responseHeaders(response.headers, { base, endpoint: hub.endpoint }).filter(
      ([name]) => name !== 'content-encoding' && name !== 'content-length',
    )
    const rewritten = response.status === 200 ? this.#rewrite(text, repo, base) : text
    const body = new TextEncoder().encode(rewritten)
    const headers = withErrorCode(response.status, lines)
    return { status: response.status, headers: [...headers, ['Content-Length', String(body.length)]], body }
  }

  /** The bytes of one object, for a client that shows a ticket for it. */
  async object(request: GatewayRequest, oid: string, query: URLSearchParams): Promise<Reply> {
    const ticket = this.#tickets.find(query.get('ticket') ?? '', oid)
    if (!ticket) return refuse(403, 'this address is over; ask for the batch again')
    const { repo, size, href, headers } = ticket
    const url = new URL(href)
    // The Hub chose the address, so it may also redirect from there to any other.
    const source = new UrlBlobSource(this.#parts.http, { url, size, headers, mayFollow: () => true })
    const lines: HeaderLine[] = [
      ['ETag', `"${ticket.oid}"`],
      ['Accept-Ranges', 'bytes'],
      ['Content-Type', 'application/octet-stream'],
    ]
    const learned = this.#parts.known.find(url)
    return this.#parts.blobs.reply(request, { ...learned, repo, oid: ticket.oid, size, source }, lines)
  }

  #rewrite(text: string, repo: Repo, base: string): string {
    const answer = parse(text)
    if (!isObject(answer) || !Array.isArray(answer.objects)) return text
    const objects = answer.objects.map((object: unknown) => this.#rewriteObject(object, repo, base))
    return JSON.stringify({ ...answer, objects })
  }

  #rewriteObject(object: unknown, repo: Repo, base: string): unknown {
    if (!isObject(object) || !isObject(object.actions) || !isObject(object.actions.download)) return object
    const { oid, size } = object
    const { href, header, expires_in: expiresIn } = object.actions.download
    const isProper = typeof oid === 'string' && isSha256(oid) && typeof size === 'number' && size >= 0
    if (!isProper || typeof href !== 'string' || !URL.canParse(href)) return object
    const until = signedUrlExpiry(new URL(href))
    const lifetimeMs =
      typeof expiresIn === 'number' && expiresIn > 0
        ? expiresIn * 1000
        : until === undefined
          ? DEFAULT_LIFETIME_MS
          : until - Date.now()
    const ticket = this.#tickets.issue({ repo, oid, size, href, headers: textFields(header) }, lifetimeMs)
    const prefix = repo.type === 'model' ? '' : `${pluralOf(repo.type)}/`
    const ours = `${base}/${prefix}${repo.id}.git/info/lfs/objects/${oid}?ticket=${ticket}`
    // git-lfs need not ask for a password for an address that is its own key.
    const download = { href: ours, header: {}, expires_in: Math.max(1, Math.floor(lifetimeMs / 1000)) }
    return { ...object, authenticated: true, actions: { ...object.actions, download } }
  }
}

function textFields(value: unknown): Record<string, string> {
  if (!isObject(value)) return {}
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, text]) => (typeof text === 'string' ? [[name, text]] : [])),
  )
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
