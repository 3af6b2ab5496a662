import { Agent, type Dispatcher, ProxyAgent } from 'undici/index.js'
import { BodyChunks } from './body-chunks.ts'
import { HttpHeaders } from './http-headers.ts'
import { HttpResponse } from './http-response.ts'
import { proxyRefusal, toNetworkError } from './network-error.ts'
import { type HttpProxy, hasLogin, isSocks, proxyAuthorization } from './proxy.ts'
import { RateGate } from './rate-gate.ts'
import { socksConnector } from './socks-connector.ts'

/** How one client connects; everything has a default. */
export interface HttpClientOptions {
  /** Open connections to one origin at most; further requests wait. @default 64 */
  readonly connections?: number
  /** @default 10000 */
  readonly connectTimeoutMs?: number
  /** From the request sent to the response's headers; 0 waits for ever. @default 10000 */
  readonly headersTimeoutMs?: number
  /** The longest pause between two parts of a body; 0 waits for ever. @default 10000 */
  readonly bodyTimeoutMs?: number
  /** The back-off for hosts that answer 429. @default one with three minutes of patience */
  readonly rateGate?: RateGate
  /** The proxy for a URL; without it every request goes direct. */
  readonly proxyFor?: (url: URL) => HttpProxy | undefined
  /** The PEM certificates of every authority to trust, asked for at the first TLS connection; default: the built-in ones. */
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
}

/** Sends requests over kept-alive connections. */
export interface HttpClient {
  /** The back-off for hosts that answer 429; code that repeats requests asks it first. */
  readonly rateGate: RateGate
  /** Resolves when the headers are here; throws `network` or `timeout`, or the signal's reason. */
  request(request: HttpRequest): Promise<HttpResponse>
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
      const proxy = options.proxyFor?.(url)
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
      try {
        const answering = dispatchers.send(url, proxy, {
          method: request.method ?? 'GET',
          headers: { ...request.headers },
          body: request.body ?? null,
          signal: request.signal ?? null,
          headersTimeout: timeouts.headersTimeoutMs,
          bodyTimeout: timeouts.bodyTimeoutMs,
          // undici closes the connection after each HEAD unless told otherwise; a TLS handshake costs more than the HEAD.
          reset: false,
        })
        const answer = await orAborted(answering, request.signal)
        if (proxy && answer.statusCode === 407) {
          answer.body.dump({ limit: 1024 }).catch(() => {})
          throw proxyRefusal(407, { host: url.host, proxy: proxy.url.host, hasLogin: hasLogin(proxy) })
        }
        return new HttpResponse({
          status: answer.statusCode,
          headers: new HttpHeaders(answer.headers),
          url: url.href,
          raw: { chunks: () => new BodyChunks(answer.body), dump: (limits) => answer.body.dump(limits) },
          toError,
        })
      } catch (error) {
        throw toError(error)
      }
    },
    close: () => dispatchers.close(),
    [Symbol.asyncDispose]: () => dispatchers.close(),
  }
}

/** The response, or the signal's reason at once: undici heeds a signal only when the connection stands. */
function orAborted<T>(answering: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return answering
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const stop = () => reject(signal.reason)
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  answering.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  return promise
}

type RequestOptions = Omit<Dispatcher.RequestOptions, 'origin' | 'path'>

/** The undici dispatchers of one client, made when first needed: reading authorities is slow and often for nothing. */
class Dispatchers {
  readonly #options: HttpClientOptions
  readonly #byRoute = new Map<string, Dispatcher>()
  /** undici's `destroy` knows nothing of a connection that is being made; an open one keeps the process running. */
  readonly #closing = new AbortController()

  constructor(options: HttpClientOptions) {
    this.#options = options
  }

  send(url: URL, proxy: HttpProxy | undefined, options: RequestOptions): Promise<Dispatcher.ResponseData> {
    const path = url.pathname + url.search
    if (!proxy) return this.#direct(url.protocol).request({ ...options, origin: url.origin, path })
    if (isSocks(proxy))
      return this.#overSocks(proxy, url.protocol).request({ ...options, origin: url.origin, path })
    if (url.protocol === 'https:')
      return this.#tunnel(proxy).request({ ...options, origin: url.origin, path })
    const headers: Record<string, string> = { host: url.host }
    Object.assign(headers, options.headers)
    const authorization = proxyAuthorization(proxy)
    if (authorization !== undefined) headers['proxy-authorization'] = authorization
    return this.#direct(proxy.url.protocol).request({
      ...options,
      headers,
      origin: proxy.url.origin,
      path: url.origin + path,
    })
  }

  async close(): Promise<void> {
    const open = [...this.#byRoute.values()]
    this.#byRoute.clear()
    this.#closing.abort()
    await Promise.all(open.map((dispatcher) => dispatcher.destroy()))
  }

  #direct(protocol: string): Dispatcher {
    return this.#dispatcher(protocol, () => new Agent(this.#poolOptions(protocol === 'https:')))
  }

  #tunnel(proxy: HttpProxy): Dispatcher {
    return this.#dispatcher(proxy.url.href, () => {
      const tls = this.#tls()
      const authorization = proxyAuthorization(proxy)
      return new ProxyAgent({
        ...this.#poolOptions(true),
        uri: proxy.url.href,
        ...(authorization === undefined ? {} : { token: authorization }),
        requestTls: tls,
        proxyTls: tls,
      })
    })
  }

  #overSocks(proxy: HttpProxy, protocol: string): Dispatcher {
    return this.#dispatcher(`${proxy.url.href} ${protocol}`, () => {
      const tls = protocol === 'https:' ? this.#tls() : undefined
      const timeoutMs = this.#options.connectTimeoutMs ?? 10_000
      const connect = socksConnector(proxy, { tls, timeoutMs, signal: this.#closing.signal })
      return new Agent({ ...this.#poolOptions(false), connect })
    })
  }

  #dispatcher(route: string, create: () => Dispatcher): Dispatcher {
    const known = this.#byRoute.get(route)
    if (known) return known
    const created = create()
    this.#byRoute.set(route, created)
    return created
  }

  #poolOptions(isTls: boolean) {
    return {
      connections: this.#options.connections ?? 64,
      connect: isTls ? this.#tls() : { timeout: this.#options.connectTimeoutMs ?? 10_000 },
    }
  }

  #tls() {
    const authorities = this.#options.authorities?.()
    return {
      timeout: this.#options.connectTimeoutMs ?? 10_000,
      ...(authorities === undefined ? {} : { ca: [...authorities] }),
    }
  }
}
