import { createHash } from 'node:crypto'
import type { DfhfError } from '../base/errors.ts'
import type { HttpClient, HttpRequest } from '../http/http-client.ts'
import type { HttpResponse } from '../http/http-response.ts'
import { parseRateLimit } from '../http/rate-limit.ts'
import { walkRedirects } from '../http/redirects.ts'
import { type RetryOptions, withRetry } from '../http/with-retry.ts'
import { endpointText, parseEndpoint } from './endpoint.ts'
import { type HubQuestion, hubError } from './hub-error.ts'
import { mayCarryToken } from './hub-hosts.ts'
import { PlainLocations } from './plain-locations.ts'
import { PlainEtags } from './responses/plain-etags.ts'
import type { TokenRule } from './tokens.ts'
import { type HubUrls, hubUrls } from './urls.ts'

/** Which Hub to ask with which token, and what hears of its warnings. */
export interface HubOptions {
  /** HF_ENDPOINT; a slash at the end does not matter. */
  readonly endpoint: string
  readonly http: HttpClient
  /** A function gives the token of the moment, where it may change. */
  readonly token?: string | (() => string | undefined) | undefined
  /** Where the token came from, in words, as errors name it: `--token`, `HF_TOKEN`. */
  readonly tokenFrom?: string | undefined
  /** Where a token may go in clear. @default to this machine alone */
  readonly tokenRule?: TokenRule | undefined
  /** Why a token that is there is not sent, in words, for the errors that this may cause. */
  readonly withheld?: string | undefined
  /** What is known of the endpoint's ETags; shared by sessions with one endpoint. */
  readonly plainEtags?: PlainEtags | undefined
  readonly userAgent: string
  /** HF_HUB_ETAG_TIMEOUT: how long the first try for a file's metadata may take. @default 10000 */
  readonly metadataTimeoutMs?: number | undefined
  /** Told once a topic what the Hub wants the user to know (X-HF-Warning). */
  readonly onWarning?: ((topic: string, text: string) => void) | undefined
  /** How to repeat what failed; its signal is not used. */
  readonly retry?: Omit<RetryOptions, 'signal'> | undefined
}

/** A request to the Hub or where it leads to. */
export interface HubRequest extends HttpRequest {
  /** False where the caller waits and retries itself. @default true */
  readonly waitsItsTurn?: boolean
}

/** What every verb needs: addresses, headers, one way to send, one way to read errors. */
export class HubSession {
  readonly endpoint: URL
  readonly urls: HubUrls
  readonly http: HttpClient
  readonly metadataTimeoutMs: number
  readonly plainEtags: PlainEtags
  readonly plainLocations = new PlainLocations()
  readonly #options: HubOptions
  #resolves: { readonly left: number; readonly until: number } | undefined
  readonly #seenTopics = new Set<string>()

  constructor(options: HubOptions) {
    this.endpoint = parseEndpoint(options.endpoint)
    this.urls = hubUrls(endpointText(this.endpoint))
    this.http = options.http
    this.metadataTimeoutMs = options.metadataTimeoutMs ?? 10_000
    this.plainEtags = options.plainEtags ?? new PlainEtags()
    this.#options = options
  }

  /** How many requests for files the Hub will still take in its present window, as it last said. */
  get resolvesLeft(): number | undefined {
    const { left, until } = this.#resolves ?? { left: undefined, until: 0 }
    return performance.now() < until ? left : undefined
  }

  get hasToken(): boolean {
    return this.#token !== undefined
  }

  /**
   * Sends one request, with the token where it may go, and notes warnings and limits in the response. Where the host
   * limits requests it waits its turn first, or throws `rate-limited` at once where `waitsItsTurn` is false.
   */
  async send({ waitsItsTurn = true, ...request }: HubRequest): Promise<HttpResponse> {
    const url = new URL(request.url)
    const { rateGate } = this.http
    const token = this.#tokenFor(url)
    const account = token === undefined ? '' : accountOf(token)
    const party = { host: url.host, account, budget: this.#budgetOf(url) }
    if (waitsItsTurn) await rateGate.enter(party, request.signal)
    else {
      await rateGate.passHearsay(party, request.signal)
      rateGate.enterNow(party)
    }
    let response: HttpResponse | undefined
    try {
      response = await this.http.request({
        ...request,
        headers: {
          ...request.headers,
          'user-agent': this.#options.userAgent,
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
      })
    } finally {
      if (!response) rateGate.failed(party)
    }
    if (response.status === 429) {
      try {
        response.retryAfterMs = rateGate.refused(party, response.retryAfterMs)
      } catch (error) {
        await response.discard()
        throw error
      }
    } else rateGate.passed(party)
    this.#notice(response)
    return response
  }

  /** Sends a request and follows every redirect, asking anew at each hop whether the token may go along. */
  async sendFollowing(request: HubRequest): Promise<HttpResponse> {
    const start = new URL(request.url)
    return (await walkRedirects(start, (url) => this.send({ ...request, url }))).response
  }

  /** What `read` makes of the response of an API address; retried as a whole, errors in the Hub's words. */
  async ask<T>(
    request: HttpRequest,
    question: HubQuestion,
    read: (response: HttpResponse) => Promise<T>,
  ): Promise<T> {
    return this.retrying(request.signal, async () => {
      const headers = { accept: 'application/json', 'accept-encoding': 'gzip', ...request.headers }
      const response = await this.sendFollowing({ ...request, headers })
      if (!response.isSuccess) throw await this.error(response, question)
      return await read(response)
    })
  }

  /** Repeats `work` as this session was told to. */
  retrying<T>(
    signal: AbortSignal | undefined,
    work: (attempt: number) => Promise<T>,
    options: Pick<RetryOptions, 'retries'> = {},
  ): Promise<T> {
    return withRetry(work, { ...this.#options.retry, ...options, signal, countsLimits: false })
  }

  /** The error for a response that is no success. */
  error(response: HttpResponse, question: HubQuestion): Promise<DfhfError> {
    const { tokenFrom, withheld } = this.#options
    return hubError(response, question, {
      endpoint: endpointText(this.endpoint),
      page: this.urls.page(question.repo),
      tokenFrom: this.#token === undefined ? undefined : (tokenFrom ?? '--token'),
      withheld,
    })
  }

  get #token(): string | undefined {
    const { token } = this.#options
    return typeof token === 'function' ? token() : token
  }

  /** The token, where it may go along. */
  #tokenFor(url: URL): string | undefined {
    const { tokenRule } = this.#options
    const token = this.#token
    return token !== undefined && mayCarryToken(url, this.endpoint, tokenRule) ? token : undefined
  }

  /** The Hub counts requests of its API and those for files in windows of their own. */
  #budgetOf(url: URL): string {
    return url.origin === this.endpoint.origin && /\/api\//.test(url.pathname) ? 'api' : ''
  }

  #notice(response: HttpResponse): void {
    const limit = parseRateLimit(response.headers.get('ratelimit'))
    if (limit?.kind === 'resolvers')
      this.#resolves = { left: limit.remaining, until: performance.now() + limit.resetMs }
    for (const warning of response.headers.getAll('x-hf-warning')) {
      const at = warning.indexOf(';')
      const topic = at < 0 ? '' : warning.slice(0, at).trim()
      if (this.#seenTopics.has(topic)) continue
      this.#seenTopics.add(topic)
      this.#options.onWarning?.(topic, warning.slice(at + 1).trim())
    }
  }
}

/** Names a token's account in maps, so that no token stands there. */
function accountOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}
