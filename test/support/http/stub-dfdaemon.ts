import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What the proxy was asked. */
interface AskedByProxy {
  /** The absolute address. */
  readonly target: string
  readonly headers: IncomingHttpHeaders
}

/** A stand-in for the HTTP proxy of Dragonfly's daemon. */
export interface StubDfdaemon extends AsyncDisposable {
  readonly url: string
  readonly asked: readonly AskedByProxy[]
}

/**
 * Starts a proxy that behaves as dfdaemon's is documented: asked by an absolute http address, it fetches from the origin
 * that X-Dragonfly-Registry names, and answers a range with 206. `status` makes it answer that instead.
 */
export async function startStubDfdaemon(options: { readonly status?: number } = {}): Promise<StubDfdaemon> {
  const asked: AskedByProxy[] = []
  const server = createServer(async (request, reply) => {
    const target = request.url ?? ''
    asked.push({ target, headers: request.headers })
    if (options.status !== undefined) return void reply.writeHead(options.status).end('not now')
    const { pathname, search } = new URL(target)
    const registry = String(request.headers['x-dragonfly-registry'] ?? '')
    const { range } = request.headers
    const answer = await fetch(new URL(pathname + search, registry), {
      ...(range !== undefined && { headers: { range } }),
      tls: { rejectUnauthorized: false },
    })
    const headers = [...answer.headers].filter(([name]) => /^content-(length|range|type)$/.test(name))
    reply.writeHead(answer.status, Object.fromEntries(headers))
    reply.end(await answer.bytes())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
