import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { DfhfError } from '../../base/errors.ts'
import { type HttpProxy, hasLogin, isSocks, proxyAuthorization } from '../../http/connect/proxy.ts'
import { connectBySocks } from '../../http/connect/socks-connector.ts'
import { proxyRefusal, toNetworkError } from '../../http/network-error.ts'
import type { AllowList } from '../access/allow-list.ts'
import { resolveHost } from '../access/public-address.ts'

const CONNECT_TIMEOUT_MS = 10_000
/** A tunnel in which nothing moves is closed. */
const IDLE_MS = 300_000
const MAX_TUNNELS = 1024

/** Where tunnels may go, and over which proxy. */
export interface TunnelOptions {
  readonly allowList: AllowList
  readonly proxyFor?: ((url: URL) => HttpProxy | undefined) | undefined
}

/** Opens the tunnels of CONNECT requests, so that a client with HTTPS_PROXY goes on working; their bytes are not read. */
export class Tunnels {
  readonly #options: TunnelOptions
  #open = 0

  constructor(options: TunnelOptions) {
    this.#options = options
  }

  /** Tunnels that are open now. */
  get open(): number {
    return this.#open
  }

  /** Answers a CONNECT to `authority` and passes bytes both ways until one side closes. */
  async run(authority: string, client: Duplex, head: Uint8Array, signal: AbortSignal): Promise<void> {
    if (this.#open >= MAX_TUNNELS) return refuse(client, 503, 'too many tunnels')
    this.#open += 1
    try {
      const server = await this.#reach(authority, signal)
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      if (head.length > 0) server.write(head)
      server.setTimeout(IDLE_MS, () => server.destroy())
      await passBothWays(client, server, signal)
    } catch (error) {
      if (error instanceof DfhfError) refuse(client, error.code === 'forbidden' ? 403 : 502, error.message)
      throw error
    } finally {
      this.#open -= 1
    }
  }

  async #reach(authority: string, signal: AbortSignal): Promise<Socket> {
    const url = parseAuthority(authority)
    const server = url && this.#options.allowList.findForTunnel(url)
    if (!url || !server) {
      throw new DfhfError('forbidden', `the gateway does not connect to ${authority.slice(0, 300)}`, {
        hint: 'name the host with --allow-host',
      })
    }
    const port = Number(url.port || (server.origin.startsWith('http:') ? 80 : 443))
    const proxy = this.#options.proxyFor?.(new URL(`https://${url.hostname}:${port}`))
    if (proxy) return throughProxy(proxy, `${url.hostname}:${port}`, signal)
    const [address = ''] = await resolveHost(url.hostname, { mayBeInward: server.isListed })
    return reach(address, port, signal)
  }
}

/** Resolves when both sides are closed. Bytes on their way to a side are still delivered; an error on one side ends both. */
function passBothWays(client: Duplex, server: Duplex, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const cut = () => {
    client.destroy()
    server.destroy()
    resolve()
  }
  const open = new Set([client, server])
  for (const [side, other] of [
    [client, server],
    [server, client],
  ] as const) {
    side.on('error', cut)
    side.on('close', () => {
      open.delete(side)
      if (open.size === 0) resolve()
      else other.end()
    })
    side.pipe(other)
  }
  signal.addEventListener('abort', cut, { once: true })
  return promise.finally(() => signal.removeEventListener('abort', cut))
}

/** `host:port` as a URL, the port left out where it is 443. */
function parseAuthority(authority: string): URL | undefined {
  if (!/^(?:\[[0-9a-f:.]+\]|[\w.-]+):\d{1,5}$/i.test(authority)) return undefined
  const text = `https://${authority}`
  return URL.canParse(text) ? new URL(text) : undefined
}

function refuse(client: Duplex, status: number, message: string): void {
  const body = `${message}\n`
  client.end(
    `HTTP/1.1 ${status} ${status === 403 ? 'Forbidden' : 'Bad Gateway'}\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}

function reach(host: string, port: number, signal: AbortSignal): Promise<Socket> {
  const socket = connect({ host, port, noDelay: true })
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) => {
      socket.destroy()
      reject(new DfhfError('network', `cannot connect to ${host}:${port}`, { retryable: true, cause }))
    }
    const timer = setTimeout(fail, CONNECT_TIMEOUT_MS, 'no answer in time')
    signal.addEventListener('abort', fail, { once: true })
    socket.once('error', fail)
    socket.once('connect', () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', fail)
      socket.off('error', fail)
      resolve(socket)
    })
  })
}

/** Has the proxy of this machine open the tunnel. */
async function throughProxy(proxy: HttpProxy, authority: string, signal: AbortSignal): Promise<Socket> {
  if (isSocks(proxy)) {
    const url = new URL(`https://${authority}`)
    const port = Number(url.port || 443)
    try {
      return await connectBySocks(proxy, { host: url.hostname, port, timeoutMs: CONNECT_TIMEOUT_MS, signal })
    } catch (error) {
      throw toNetworkError(error, {
        url,
        proxy: proxy.url.host,
        hasProxyLogin: hasLogin(proxy),
        headersTimeoutMs: CONNECT_TIMEOUT_MS,
        bodyTimeoutMs: CONNECT_TIMEOUT_MS,
      })
    }
  }
  if (proxy.url.protocol !== 'http:') {
    throw new DfhfError(
      'network',
      `cannot open a tunnel over the proxy ${proxy.url.host}: it wants TLS itself`,
    )
  }
  const socket = await reach(proxy.url.hostname, Number(proxy.url.port || 80), signal)
  const authorization = proxyAuthorization(proxy)
  const login = authorization === undefined ? '' : `Proxy-Authorization: ${authorization}\r\n`
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${login}\r\n`)
  const answer = await headOf(socket)
  if (/^HTTP\/1\.[01] 2/.test(answer)) return socket
  socket.destroy()
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1] ?? 502)
  throw proxyRefusal(status, { host: authority, proxy: proxy.url.host, hasLogin: hasLogin(proxy) })
}

/** Reads up to the empty line; what came behind it goes back into the socket. */
function headOf(socket: Socket): Promise<string> {
  let seen = Buffer.alloc(0)
  return new Promise((resolve, reject) => {
    const end = (settle: () => void) => {
      clearTimeout(timer)
      socket.off('data', onData)
      socket.off('close', onClose)
      settle()
    }
    const onClose = () => end(() => reject(new DfhfError('network', 'the proxy closed the connection')))
    const timer = setTimeout(() => socket.destroy(), CONNECT_TIMEOUT_MS)
    const onData = (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk])
      const at = seen.indexOf('\r\n\r\n')
      if (at < 0 && seen.length < 2 ** 16) return
      socket.pause()
      if (seen.length > at + 4) socket.unshift(seen.subarray(at + 4))
      end(() => resolve(seen.toString('latin1', 0, Math.max(0, at))))
    }
    socket.on('data', onData)
    socket.once('close', onClose)
  })
}
