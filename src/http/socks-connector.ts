import type { Socket } from 'node:net'
import { SocksClient } from 'socks'
import { buildConnector } from 'undici/index.js'
import { bareHost } from '../base/bare-host.ts'
import type { HttpProxy } from './proxy.ts'

type Tls = NonNullable<Parameters<typeof buildConnector>[0]>

/** A connection to `host` by a SOCKS 5 proxy (RFC 1928), which looks the name up. Throws SocksClientError. */
export async function connectBySocks(
  { url, user, password }: HttpProxy,
  destination: { readonly host: string; readonly port: number; readonly timeoutMs: number },
): Promise<Socket> {
  const { socket } = await SocksClient.createConnection({
    proxy: {
      host: bareHost(url.hostname),
      port: Number(url.port || 1080),
      type: 5,
      ...(user === '' ? {} : { userId: user, password }),
    },
    command: 'connect',
    destination: { host: bareHost(destination.host), port: destination.port },
    timeout: destination.timeoutMs,
  })
  return socket.setNoDelay(true)
}

/** How undici opens its connections by a SOCKS proxy; with `tls` each is secured to its host. */
export function socksConnector(
  proxy: HttpProxy,
  { tls, timeoutMs }: { readonly tls: Tls | undefined; readonly timeoutMs: number },
): buildConnector.connector {
  const secure = tls && buildConnector(tls)
  return (options, callback) => {
    const port = Number(options.port || (options.protocol === 'https:' ? 443 : 80))
    connectBySocks(proxy, { host: options.hostname, port, timeoutMs }).then(
      (httpSocket) => {
        if (secure) secure({ ...options, httpSocket }, callback)
        else callback(null, httpSocket)
      },
      (error: Error) => callback(error, null),
    )
  }
}
