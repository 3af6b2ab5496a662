import type { HttpClient } from '../../http/http-client.ts'
import type { HttpResponse } from '../../http/http-response.ts'
import { endpointText } from '../../hub/endpoint.ts'
import { HubClient } from '../../hub/hub-client.ts'
import type { Credentials } from './credentials.ts'

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
  readonly #text: string

  constructor(options: { readonly endpoint: URL; readonly http: HttpClient }) {
    this.endpoint = options.endpoint
    this.http = options.http
    this.#text = endpointText(options.endpoint)
  }

  /** The address of a target on the Hub's host. */
  urlOf(target: string): URL {
    return new URL(this.#text + target)
  }

  send(request: UpstreamRequest): Promise<HttpResponse> {
    const { target, body, ...rest } = request
    return this.http.request({ ...rest, url: this.urlOf(target), ...(body !== undefined && { body }) })
  }

  /** A client of the Hub that speaks with what `credentials` hold, for fetching bytes. */
  clientFor(credentials: Credentials, userAgent: string): HubClient {
    return new HubClient({
      endpoint: this.#text,
      http: this.http,
      userAgent,
      token: credentials.token,
      tokenOrigin: "the gateway's client",
    })
  }
}
