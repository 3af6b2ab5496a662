import { Agent, buildConnector, type Dispatcher, Pool, ProxyAgent } from 'undici/index.js'
import { type HttpProxy, hasLogin, isSocks, proxyAuthorization } from './connect/proxy.ts'
import { ReceiveGathering } from './connect/receive-gathering.ts'
import { socksConnector } from './connect/socks-connector.ts'
import { Exchange } from './exchange.ts'
import { HttpHeaders } from './http-headers.ts'
import { HttpResponse } from './http-response.ts'
import { proxyRefusal, toNetworkError } from './network-error.ts'
import { RateGate } from './rate-gate.ts'

/** How one client connects; everything has a default. */
export interface HttpClientOptions {
  /** Open connections to one origin at most; further requests wait. @default 64 */
  readonly connections?: number
  /** @default 10000 */
  readonly connectTimeoutMs?: number
  /** How long a connection may rest before it is closed, where the server does not say. @default 4000 */
  readonly keepAliveMs?: number | undefined
  /** From the request sent to the response's headers; 0 waits for ever. @default 10000 */
  readonly headersTimeoutMs?: number
  /** The longest pause between two parts of a body; 0 waits for ever. @default 10000 */
  readonly bodyTimeoutMs?: number
  /** The back-off for hosts that answer 429. @default one with three minutes of patience */
  readonly rateGate?: RateGate
  /** The proxy for a URL; without it every request goes direct. */
  readonly proxyFor?: (url: URL) => HttpProxy | undefined
  /** Hears the status of each response and who was asked, and 0 and why where none came. */
  readonly onAnswer?: (status: number, url: URL, failure?: unknown) => void
  /** The PEM certificates of every authority to trust, asked for at the first TLS connection and when they are renewed; default: the built-in ones. */
  readonly authorities?: () => readonly string[] | undefined
}

/** One request; a redirect comes back as it is. */
export interface HttpRequest {
  /** @default GET */
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE'
  readonly url: string | URL
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  readonly signal?: AbortSignal | undefined
  readonly headersTimeoutMs?: number | undefined
  readonly bodyTimeoutMs?: number | undefined
  /** True for a GET of a blob's bytes that needs no token: an origin proxy may answer it. */
  readonly isBlob?: boolean
  /** A cache to ask over plain http for what is at an https address, in place of the proxy that the environment names. */
  readonly cache?: URL
}

/** Sends requests over kept-alive connections. */
export interface HttpClient {
  /** The back-off for hosts that answer 429; code that repeats requests asks it first. */
  readonly rateGate: RateGate
  /** Resolves when the headers are here; throws `network` or `timeout`, or the signal's reason. */
  request(request: HttpRequest): Promise<HttpResponse>
  /** Asks for the authorities anew at the next connection, which is a new one; what is under way ends as it began. */
  renewTrust(): void
  /** Cuts every connection; what is under way fails. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** A client with its own connections. */
export function createHttpClient(options: HttpClientOptions = {}): HttpClient {
  const dispatchers = new Dispatchers(options)
  const headersTimeoutMs = options.headersTimeoutMs ?? 10_000
  const bodyTimeoutMs = options.bodyTimeoutMs ?? 10_000

  return {
    rateGate: options.rateGate ?? new RateGate(),
    async request(request) {
      const url = new URL(request.url)
      const { cache } = request
      const proxy = cache ? { url: cache, user: '', password: '' } : options.proxyFor?.(url)
      const timeouts = {
        headersTimeoutMs: request.headersTimeoutMs ?? headersTimeoutMs,
        bodyTimeoutMs: request.bodyTimeoutMs ?? bodyTimeoutMs,
      }
      const toError = (error: unknown) =>
        request.signal?.aborted
          ? request.signal.reason
          : toNetworkError(error, {
              url,
              proxy: proxy?.url.host,
              hasProxyLogin: proxy !== undefined && hasLogin(proxy),
              ...timeouts,
            })
      let hasAnswer = false
      try {
        const exchange = new Exchange(request.signal, dispatchers.gathering)
        dispatchers.send(cache ? inClear(url) : url, proxy, exchange, {
          method: request.method ?? 'GET',
          headers: { ...request.headers },
          body: request.body ?? null,
          headersTimeout: timeouts.headersTimeoutMs,
          bodyTimeout: timeouts.bodyTimeoutMs,
          // undici closes the connection after each HEAD unless told otherwise; a TLS handshake costs more than the HEAD.
          reset: false,
        })
        const { status, headers, body } = await exchange.answer
        hasAnswer = true
        options.onAnswer?.(status, url)
        if (proxy && status === 407) {
          body.dump({ limit: 1024 })
          throw proxyRefusal(407, { host: url.host, proxy: proxy.url.host, hasLogin: hasLogin(proxy) })
        }
        return new HttpResponse({
          status,
          headers: new HttpHeaders(headers),
          url: url.href,
          raw: { chunks: () => body, dump: (limits) => body.dump(limits) },
          toError,
        })
      } catch (error) {
        const failure = toError(error)
        if (!hasAnswer && !request.signal?.aborted) options.onAnswer?.(0, url, failure)
        throw failure
      }
    },
    renewTrust: () => dispatchers.renew(),
    close: () => dispatchers.close(),
    [Symbol.asyncDispose]: () => dispatchers.close(),
  }
}

/** The address under which an HTTP cache without TLS is asked for `url`. */
function inClear(url: URL): URL {
  return new URL(url.href.replace(/^https:/, 'http:'))
}

type DispatchOptions = Omit<Dispatcher.DispatchOptions, 'origin' | 'path'>

/** A stream that holds more stops its socket and starts it again, which costs calls to the system: more than most reads bring. */
const READ_SIZE = 2 ** 18

/** The undici dispatchers of one client, made when first needed: reading authorities is slow and often for nothing. */
class Dispatchers {
  readonly gathering = new ReceiveGathering()
  readonly #options: HttpClientOptions
  readonly #byRoute = new Map<string, Dispatcher>()
  /** Take no new requests, and end with those under way. */
  readonly #ending = new Set<Dispatcher>()
  /** undici's `destroy` knows nothing of a connection that is being made; an open one keeps the process running. */
  readonly #closing = new AbortController()

  constructor(options: HttpClientOptions) {
    this.#options = options
  }

  /** Sends a request; `exchange` hears what comes of it. */
  send(url: URL, proxy: HttpProxy | undefined, exchange: Exchange, options: DispatchOptions): void {
    const path = url.pathname + url.search
    const direct = { ...options, origin: url.origin, path }
    if (!proxy) this.#direct(url.protocol).dispatch(direct, exchange)
    else if (isSocks(proxy)) this.#overSocks(proxy, url.protocol).dispatch(direct, exchange)
    else if (url.protocol === 'https:') this.#tunnel(proxy).dispatch(direct, exchange)
    else {
      const headers: Record<string, string> = { host: url.host }
      Object.assign(headers, options.headers)
      const authorization = proxyAuthorization(proxy)
      if (authorization !== undefined) headers['proxy-authorization'] = authorization
      const { origin } = proxy.url
      const toProxy = { ...options, headers, origin, path: url.origin + path }
      this.#direct(proxy.url.protocol).dispatch(toProxy, exchange)
    }
  }

  renew(): void {
    for (const dispatcher of this.#byRoute.values()) {
      this.#ending.add(dispatcher)
      const forget = () => void this.#ending.delete(dispatcher)
      dispatcher.close().then(forget, forget)
    }
    this.#byRoute.clear()
  }

  async close(): Promise<void> {
    const open = [...this.#byRoute.values(), ...this.#ending]
    this.#byRoute.clear()
    this.#closing.abort()
    await Promise.all(open.map((dispatcher) => dispatcher.destroy()))
  }

  #direct(protocol: string): Dispatcher {
    return this.#dispatcher(protocol, () => {
      const connect = buildConnector(protocol === 'https:' ? this.#tls() : this.#plain())
      return this.#agent(connect)
    })
  }

  #tunnel(proxy: HttpProxy): Dispatcher {
    return this.#dispatcher(proxy.url.href, () => {
      const tls = this.#tls()
      const authorization = proxyAuthorization(proxy)
      return new ProxyAgent({
        connections: this.#connections,
        uri: proxy.url.href,
        ...(authorization === undefined ? {} : { token: authorization }),
        requestTls: tls,
        proxyTls: tls,
        // undici makes the connections through a tunnel itself, with a function that it hands to this.
        factory: (origin, options: Pool.Options) => new Pool(origin, this.#followed(options)),
      })
    })
  }

  #overSocks(proxy: HttpProxy, protocol: string): Dispatcher {
    return this.#dispatcher(`${proxy.url.href} ${protocol}`, () => {
      const tls = protocol === 'https:' ? this.#tls() : undefined
      const timeoutMs = this.#connectTimeoutMs
      return this.#agent(socksConnector(proxy, { tls, timeoutMs, signal: this.#closing.signal }))
    })
  }

  #dispatcher(route: string, create: () => Dispatcher): Dispatcher {
    const known = this.#byRoute.get(route)
    if (known) return known
    const created = create()
    this.#byRoute.set(route, created)
    return created
  }

  #agent(connect: buildConnector.connector): Agent {
    const { keepAliveMs } = this.#options
    return new Agent({
      connections: this.#connections,
      connect: this.gathering.follow(connect),
      ...(keepAliveMs !== undefined && { keepAliveTimeout: keepAliveMs }),
    })
  }

  #followed(options: Pool.Options): Pool.Options {
    const { connect } = options
    return typeof connect === 'function' ? { ...options, connect: this.gathering.follow(connect) } : options
  }

  get #connections(): number {
    return this.#options.connections ?? 64
  }

  get #connectTimeoutMs(): number {
    return this.#options.connectTimeoutMs ?? 10_000
  }

  #plain() {
    return { timeout: this.#connectTimeoutMs, highWaterMark: READ_SIZE }
  }

  #tls() {
    const authorities = this.#options.authorities?.()
    return {
      ...this.#plain(),
      ...(authorities === undefined ? {} : { ca: [...authorities] }),
    }
  }
}
