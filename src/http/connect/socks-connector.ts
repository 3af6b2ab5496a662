import type { Socket } from 'node:net'
import { SocksClient } from 'socks'
import { buildConnector } from 'undici/index.js'
import { DfhfError } from '../../base/errors.ts'
import { bareHost } from '../../base/url-host.ts'
import { type HttpProxy, hasLogin } from './proxy.ts'

type Tls = NonNullable<Parameters<typeof buildConnector>[0]>

/** What a SOCKS 5 proxy is asked to connect to. */
export interface SocksDestination {
  readonly host: string
  readonly port: number
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

/**
 * A connection to `host` by a SOCKS 5 proxy (RFC 1928), which looks the name up. Throws what the way to the proxy throws,
 * `SocksClientError` for what the proxy says, and `usage` for what the protocol cannot carry.
 */
export async function connectBySocks(
  proxy: HttpProxy,
  { host, port, timeoutMs, signal }: SocksDestination,
): Promise<Socket> {
  const { url, user, password } = proxy
  // The library would throw for these from an event of the socket, where nothing catches it.
  for (const [what, text] of [
    ['user', user],
    ['password', password],
    ['host', host],
  ] as const) {
    if (Buffer.byteLength(text) > MAX_TEXT)
      throw new DfhfError('usage', `the ${what} for the proxy ${url.host} is longer than ${MAX_TEXT} bytes`)
  }
  const address = { host: bareHost(url.hostname), port: Number(url.port || 1080) }
  // The library drops the code of an error on a connection that it makes itself, so it is given an open one.
  const existing_socket = await reach(address, timeoutMs)
  const cut = () => existing_socket.destroy()
  signal?.addEventListener('abort', cut, { once: true })
  try {
    signal?.throwIfAborted()
    const { socket } = await SocksClient.createConnection({
      proxy: { ...address, type: 5, ...(hasLogin(proxy) && { userId: user, password }) },
      command: 'connect',
      destination: { host: bareHost(host), port },
      timeout: timeoutMs,
      existing_socket,
    })
    return socket.setNoDelay(true)
  } catch (error) {
    cut()
    throw error
  } finally {
    signal?.removeEventListener('abort', cut)
  }
}

/** A length of one byte stands before each of the protocol's texts. */
const MAX_TEXT = 255

function reach({ host, port }: { host: string; port: number }, timeout: number): Promise<Socket> {
  const connect = buildConnector({ timeout })
  return new Promise((resolve, reject) => {
    connect({ hostname: host, protocol: 'http:', port: String(port) }, (error, socket) => {
      if (error) reject(error)
      else resolve(socket)
    })
  })
}

/** How undici opens its connections by a SOCKS proxy, until `signal` aborts; with `tls` each is secured to its host. */
export function socksConnector(
  proxy: HttpProxy,
  {
    tls,
    timeoutMs,
    signal,
  }: { readonly tls: Tls | undefined; readonly timeoutMs: number; readonly signal: AbortSignal },
): buildConnector.connector {
  const secure = tls && buildConnector(tls)
  return (options, callback) => {
    const port = Number(options.port || (options.protocol === 'https:' ? 443 : 80))
    connectBySocks(proxy, { host: options.hostname, port, timeoutMs, signal }).then(
      (httpSocket) => {
        if (secure) secure({ ...options, httpSocket }, callback)
        else callback(null, httpSocket)
      },
      (error: Error) => callback(error, null),
    )
  }
}
