import { errorTable } from '../../base/error-table.ts'
import { DfhfError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { safeJson } from '../../base/safe-json.ts'
import { credentialsOf } from '../access/credentials.ts'
import type { BlobReplies } from '../blob-replies.ts'
import type { KnownUrls } from '../known-urls.ts'
import type { LfsGateway } from '../lfs/lfs-gateway.ts'
import type { GatewayRequest, HeaderLine, Reply } from '../message.ts'
import { headerText, refuse } from '../refusal.ts'
import { lineOf, rebaseUrl, requestHeaders, responseHeaders, withErrorCode } from '../relayed-headers.ts'
import { readBody } from '../request-body.ts'
import { factHeaders } from './file-fact.ts'
import type { FileFacts } from './file-facts.ts'
import type { HubApi } from './hub-api.ts'
import { type HubTarget, parseHubTarget } from './hub-target.ts'
import type { HubUpstream, UpstreamRequest } from './hub-upstream.ts'

const MAX_BODY_SIZE = 64 * 2 ** 20
/** git servers may think long before they answer, and while they pack. */
const GIT_PATIENCE_MS = 300_000
const PATIENCE_MS = 60_000

/** The parts among which the mirror shares requests out. */
export interface HubMirrorParts {
  readonly hub: HubUpstream
  readonly api: HubApi
  readonly facts: FileFacts
  readonly blobs: BlobReplies
  readonly lfs: LfsGateway
  /** Told at which addresses the Hub's bytes are, for clients that ask there by proxy. */
  readonly known: KnownUrls
  readonly log: Log
}

/** A request to the Hub's host, sent to the gateway's own name or by proxy. */
export interface MirrorRequest extends GatewayRequest {
  /** The origin under which this client sees the Hub. */
  readonly base: string
}

/** The Hub as clients of HF_ENDPOINT see it: its metadata passed on, its bytes from here. */
export class HubMirror {
  readonly #parts: HubMirrorParts
  #hasWarned = false

  constructor(parts: HubMirrorParts) {
    this.#parts = parts
  }

  /** `target` is path and query. */
  async handle(request: MirrorRequest): Promise<Reply> {
    const { withheld } = this.#parts.hub
    if (withheld === undefined || !request.headers.has('authorization')) return this.#route(request)
    // The Hub sees a client without a token, so what is remembered here must be for a client without a token as well.
    const headers = new Headers(request.headers)
    headers.delete('authorization')
    this.#tellWithheld(withheld)
    const reply = await this.#route({ ...request, headers })
    return reply.status === 401 || reply.status === 403 || reply.status === 404
      ? explained(reply, withheld)
      : reply
  }

  #tellWithheld(reason: string): void {
    if (!this.#hasWarned) this.#parts.log.warn(`${reason}; DFHF_ALLOW_PLAIN_HTTP_TOKEN=1 lets it`)
    this.#hasWarned = true
  }

  #route(request: MirrorRequest): Promise<Reply> {
    const target = parseHubTarget(request.target.replace(/[?#].*$/s, ''))
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    if (target.kind === 'file' && isRead) return this.#file(request, target)
    if (target.kind === 'api' && (isRead || (request.method === 'POST' && target.verb === 'paths-info')))
      return this.#api(request, target)
    if (target.kind === 'xet-token') return Promise.resolve(noXet())
    if (target.kind === 'lfs-batch' && request.method === 'POST')
      return this.#parts.lfs.batch(request, target.repo, request.base)
    if (target.kind === 'lfs-object' && isRead)
      return this.#parts.lfs.object(request, target.oid, queryOf(request.target))
    return this.pass(request, target.kind === 'git' ? GIT_PATIENCE_MS : PATIENCE_MS)
  }

  /** Passes a request on as it is, and the response back as it comes. */
  async pass(request: MirrorRequest, patienceMs: number): Promise<Reply> {
    const { hub } = this.#parts
    const method = methodOf(request.method)
    if (!method) return refuse(405, `the gateway does not pass ${headerText(request.method)} on`)
    const hasBody = method !== 'GET' && method !== 'HEAD'
    const encoding = request.headers.get('accept-encoding')
    const headers = { ...requestHeaders(request.headers), 'accept-encoding': encoding ?? 'identity' }
    using body = hasBody ? await readBody(request, MAX_BODY_SIZE) : undefined
    const response = await hub.send({
      method,
      target: request.target,
      headers,
      body: body?.bytes,
      signal: request.signal,
      headersTimeoutMs: patienceMs,
      bodyTimeoutMs: patienceMs,
    })
    const lines = responseHeaders(response.headers, { base: request.base, endpoint: hub.endpoint })
    if (method === 'HEAD') await response.discard()
    return {
      status: response.status,
      headers: withErrorCode(response.status, lines),
      body: method === 'HEAD' ? undefined : response.body,
    }
  }

  async #file(
    request: MirrorRequest,
    target: Extract<HubTarget, { kind: 'file' }>,
    isSecond = false,
  ): Promise<Reply> {
    const { hub, facts, blobs, known, log } = this.#parts
    const credentials = credentialsOf(request.headers)
    const { repo, path, revision } = target
    const headers = sharedHeaders(request)
    const question = { repo, path, target: request.target, headers, credentials }
    const { verdict, isStale } = await facts.ask(question, revision)
    if (verdict.kind === 'opaque') return this.pass(request, PATIENCE_MS)
    if (verdict.kind === 'refused') return refusedFile(verdict.status, verdict.headers)
    const { fact } = verdict
    const file = { ...fact, path }
    if (file.location !== undefined) known.learn(file.location, { ...file, repo })
    if (isStale && request.method === 'GET') log.info(`serving ${path} of ${repo.id} while the Hub fails`)
    const origin = hub.clientFor(credentials, headers['user-agent'] ?? 'dfhf')
    const isUnsure = fact.isOidUnsure === true && hub.plainEtags.areGitIds
    let correction: Promise<unknown> | undefined
    const correct = () => {
      correction ??= origin.correctOid(repo, file)
      return correction
    }
    const onMismatch = isUnsure ? () => void correct() : undefined
    try {
      return await blobs.reply(
        request,
        { ...file, repo, source: origin.openSource(repo, file), onMismatch },
        [...factHeaders(fact, path), ...(isStale ? staleWarning : [])],
      )
    } catch (error) {
      // The listing says what a plain file must be where the ETag turned out to be no git id.
      const isMismatch = error instanceof DfhfError && error.code === 'verification-failed'
      if (!isMismatch || !isUnsure || isSecond) throw error
      await correct()
      return await this.#file(request, target, true)
    }
  }

  async #api(request: MirrorRequest, { repo }: Extract<HubTarget, { kind: 'api' }>): Promise<Reply> {
    const { api, hub } = this.#parts
    const method = request.method === 'POST' ? 'POST' : request.method === 'HEAD' ? 'HEAD' : 'GET'
    using question = method === 'POST' ? await readBody(request, MAX_BODY_SIZE) : undefined
    const response = await api.ask({
      method,
      repo,
      target: request.target,
      headers: sharedHeaders(request, /^(?:accept|content-type|if-none-match|range)$/),
      body: question?.bytes,
      credentials: credentialsOf(request.headers),
    })
    const rebased = response.headers.map(([name, value]): HeaderLine => {
      const isAddress = name === 'link' || name === 'location'
      return [name, isAddress ? rebaseAll(value, request.base, hub.endpoint) : value]
    })
    const body = new TextEncoder().encode(response.body)
    const length: HeaderLine[] = method === 'HEAD' ? [] : [['Content-Length', String(body.length)]]
    return {
      status: response.status,
      headers: withErrorCode(response.status, [
        ...rebased,
        ...length,
        ...(response.isStale ? staleWarning : []),
      ]),
      body: method === 'HEAD' || response.status === 304 ? undefined : body,
    }
  }
}

const staleWarning: readonly HeaderLine[] = [
  ['Warning', '110 dfhf "Response is Stale"'],
  ['Warning', '111 dfhf "Revalidation Failed"'],
]

/** A refusal with the same words for a HEAD and a GET; the Hub was asked by HEAD, so that it sent no body with them. */
function refusedFile(status: number, lines: readonly HeaderLine[]): Reply {
  const message = lineOf(lines, 'x-error-message') ?? `the Hub answered ${status}`
  const body = new TextEncoder().encode(safeJson({ error: message }))
  const kept = lines.filter(([name]) => !/^(?:content-|transfer-)/i.test(name))
  return {
    status,
    headers: withErrorCode(status, [
      ...kept,
      ['Content-Type', 'application/json; charset=utf-8'],
      ['Content-Length', String(body.length)],
    ]),
    body,
  }
}

/** A refusal that says why the client's token was not sent to the Hub. */
function explained(reply: Reply, reason: string): Reply {
  const said = lineOf(reply.headers, 'x-error-message')
  const message = headerText(said === undefined ? reason : `${said} (${reason})`)
  const others = reply.headers.filter(([name]) => name.toLowerCase() !== 'x-error-message')
  return { ...reply, headers: [...others, ['X-Error-Message', message]] }
}

function noXet(): Reply {
  return refuse(404, 'this mirror gives whole files and does not speak Xet', [
    ['X-Error-Code', errorTable['file-not-found'].hubCode],
  ])
}

/**
 * The headers to send with a question whose response other clients will be told too: the client's credentials, and what
 * the response is remembered by. Any other header could make it a response that fits its sender alone.
 */
function sharedHeaders(request: GatewayRequest, more = /^$/): Record<string, string> {
  const isKept = (name: string) =>
    /^(?:authorization|user-agent|x-amzn-trace-id|x-hf-.*)$/.test(name) || more.test(name)
  return Object.fromEntries(Object.entries(requestHeaders(request.headers)).filter(([name]) => isKept(name)))
}

function rebaseAll(value: string, base: string, endpoint: URL): string {
  if (!value.includes('<')) return rebaseUrl(value, { base, endpoint })
  return value.replace(/<([^>]*)>/g, (_, target: string) => `<${rebaseUrl(target, { base, endpoint })}>`)
}

function queryOf(target: string): URLSearchParams {
  return new URLSearchParams(/\?([^#]*)/.exec(target)?.[1] ?? '')
}

function methodOf(method: string): UpstreamRequest['method'] | undefined {
  const known = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'] as const
  return known.find((each) => each === method)
}
