import type { HttpClient } from '../../http/http-client.ts'
import type { HttpResponse } from '../../http/http-response.ts'
import { endpointText } from '../../hub/endpoint.ts'
import { HubClient } from '../../hub/hub-client.ts'
import { mayCarryToken } from '../../hub/hub-hosts.ts'
import { PlainEtags } from '../../hub/responses/plain-etags.ts'
import { isSafeForToken, type TokenRule } from '../../hub/tokens.ts'
import type { Credentials } from '../access/credentials.ts'

/** A request to the Hub in a client's name. */
export interface UpstreamRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE'
  /** Path and query, encoded as the client did. */
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array | undefined
  readonly signal: AbortSignal
  readonly headersTimeoutMs?: number | undefined
  readonly bodyTimeoutMs?: number | undefined
}

/** The Hub, as clients of the gateway reach it: each with its own token, and never with the daemon's. */
export class HubUpstream {
  readonly endpoint: URL
  readonly http: HttpClient
  /** What is known of the Hub's ETags. */
  readonly plainEtags = new PlainEtags()
  readonly #text: string
  readonly #tokenRule: TokenRule

  constructor(options: {
    readonly endpoint: URL
    readonly http: HttpClient
    readonly tokenRule?: TokenRule | undefined
  }) {
    this.endpoint = options.endpoint
    this.http = options.http
    this.#tokenRule = options.tokenRule ?? {}
    this.#text = endpointText(options.endpoint)
  }

  /** The address of a target on the Hub's host. */
  urlOf(target: string): URL {
    return new URL(this.#text + target)
  }

  /** Why no client's token goes to the Hub, in words; undefined where they do. */
  get withheld(): string | undefined {
    if (isSafeForToken(this.endpoint, this.#tokenRule)) return undefined
    return `the gateway sends no token to ${this.endpoint.host} over plain http`
  }

  /** A client's headers as they may go to an address: without its token where that is not for this address. */
  headersFor(url: URL, headers: Readonly<Record<string, string>>): Record<string, string> {
    const { authorization, ...others } = headers
    const mayCarry = authorization !== undefined && mayCarryToken(url, this.endpoint, this.#tokenRule)
    return { ...others, ...(mayCarry && { authorization }) }
  }

  send(request: UpstreamRequest): Promise<HttpResponse> {
    const { target, body, ...rest } = request
    const url = this.urlOf(target)
    const headers = this.headersFor(url, rest.headers)
    return this.http.request({ ...rest, headers, url, ...(body !== undefined && { body }) })
  }

  /** A client of the Hub that uses `credentials`, for fetching bytes. */
  clientFor(credentials: Credentials, userAgent: string): HubClient {
    return new HubClient({
      endpoint: this.#text,
      http: this.http,
      userAgent,
      plainEtags: this.plainEtags,
      token: this.withheld === undefined ? credentials.token : undefined,
      tokenRule: this.#tokenRule,
      withheld: credentials.token === undefined ? undefined : this.withheld,
      tokenFrom: "the gateway's client",
    })
  }
}
