import { createServer, type IncomingMessage, request } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { pipeline } from 'node:stream'

/** One request that reached the proxy. */
interface ProxiedRequest {
  readonly method: string
  /** The absolute URL, or `host:port` of a CONNECT. */
  readonly target: string
  readonly authorization: string | undefined
}

/** A forwarding proxy on loopback that notes who came. */
export interface TestProxy extends AsyncDisposable {
  readonly url: string
  readonly host: string
  readonly requests: readonly ProxiedRequest[]
}

/** Starts a proxy that forwards absolute-form requests and CONNECT tunnels; `refuse` makes it answer that status. */
export async function startTestProxy(
  options: { readonly credentials?: string; readonly refuse?: number } = {},
): Promise<TestProxy> {
  const requests: ProxiedRequest[] = []
  const sockets = new Set<Socket>()
  const wanted =
    options.credentials === undefined
      ? undefined
      : `Basic ${Buffer.from(options.credentials).toString('base64')}`
  const admit = (incoming: IncomingMessage): number | undefined => {
    const authorization = incoming.headers['proxy-authorization']
    requests.push({ method: incoming.method ?? '', target: incoming.url ?? '', authorization })
    return wanted !== undefined && authorization !== wanted ? 407 : options.refuse
  }

  const server = createServer((incoming, answer) => {
    const refusal = admit(incoming)
    if (refusal !== undefined) {
      answer.writeHead(refusal)
      answer.end()
      return
    }
    const { 'proxy-authorization': _, ...headers } = incoming.headers
    const outgoing = request(incoming.url ?? '', { method: incoming.method ?? 'GET', headers }, (reply) => {
      answer.writeHead(reply.statusCode ?? 502, reply.headers)
      // A response that breaks off breaks off here, too.
      pipeline(reply, answer, () => {})
    })
    outgoing.on('error', () => answer.destroy())
    incoming.pipe(outgoing)
  })
  server.on('connect', (incoming: IncomingMessage, client: Socket, head: Buffer) => {
    const refusal = admit(incoming)
    if (refusal !== undefined) return client.end(`HTTP/1.1 ${refusal} Refused\r\n\r\n`)
    const { hostname, port } = new URL(`http://${incoming.url ?? ''}`)
    const target = connect(Number(port || 80), hostname, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      if (head.length > 0) target.write(head)
      target.pipe(client)
      client.pipe(target)
    })
    for (const socket of [target, client]) {
      sockets.add(socket)
      socket.on('error', () => {})
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: `http://${host}`,
    host,
    requests,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
