import { withoutEndSlashes } from '../base/without-end-slashes.ts'
import { lfsOidOf } from '../hub/hub-hosts.ts'
import type { AllowList } from './access/allow-list.ts'
import type { OwnNames } from './access/own-names.ts'
import { isFromOtherPage, isFromWebPage } from './access/web-page.ts'
import type { ConnectRequest, GatewayHandler } from './gateway-server.ts'
import type { GatewayRequest, HeaderLine, Reply } from './message.ts'
import type { HubMirror } from './mirror/hub-mirror.ts'
import type { CdnProxy } from './proxy/cdn-proxy.ts'
import type { Tunnels } from './proxy/tunnel.ts'
import { headerText, refuse } from './refusal.ts'

/** Answers one of the gateway's own paths; undefined for a request that is meant for the Hub. */
export type OwnRoute = (request: GatewayRequest) => Reply | Promise<Reply> | undefined

/** The parts that answer, by kind of request. */
export interface GatewayParts {
  readonly endpoint: URL
  readonly mirror: HubMirror
  readonly proxy: CdnProxy
  readonly tunnels: Tunnels
  readonly allowList: AllowList
  /** The names under which it answers for itself and for the Hub. */
  readonly ownNames: OwnNames
  /** By `METHOD /path`. */
  readonly own: ReadonlyMap<string, OwnRoute>
  /** Paths of those that a browser may ask for where its user, or the gateway's own page, wants it. */
  readonly pages: ReadonlySet<string>
}

/**
 * The gateway sends files of any repo's author under its own name: these headers keep a browser from running a script
 * in them, guessing their type, and embedding them in a page.
 */
const guards: readonly HeaderLine[] = [
  ['X-Content-Type-Options', 'nosniff'],
  ['Cross-Origin-Resource-Policy', 'same-origin'],
]

/** Passes each request on the gateway's port to the part that answers it. */
export class Gateway implements GatewayHandler {
  readonly #parts: GatewayParts

  constructor(parts: GatewayParts) {
    this.#parts = parts
  }

  async handle(request: GatewayRequest): Promise<Reply> {
    if (isFromWebPage(request.headers) && !this.#isOwnPage(request)) return noPages()
    const { target } = request
    // A proxy's client names the server in the target; its Host header does not count (RFC 9112, 3.2.2).
    if (/^https?:\/\//i.test(target)) return this.#absolute(request, target)
    const reply = await this.#own(request)
    const policy: HeaderLine = ['Content-Security-Policy', reply.policy ?? 'sandbox']
    return { ...reply, headers: [...reply.headers, policy, ...guards] }
  }

  connect({ authority, socket, head, signal }: ConnectRequest): Promise<void> {
    return this.#parts.tunnels.run(authority, socket, head, signal)
  }

  /** A request that is meant for the gateway itself, or for the Hub behind it. */
  async #own(request: GatewayRequest): Promise<Reply> {
    const { headers, localAddress } = request
    const host = headers.get('host')
    const { ownNames, own, mirror } = this.#parts
    if (!ownNames.isOwn(host, localAddress)) {
      const name = headerText(host ?? '').slice(0, 100)
      return refuse(403, `the gateway does not answer as '${name}'; --gateway-host adds a name of its own`)
    }
    const target = plainTarget(request.target)
    if (target === undefined) return refuse(400, 'a path or an address is needed')
    const path = target.replace(/[?#].*$/s, '')
    const method = request.method === 'HEAD' ? 'GET' : request.method
    const route = own.get(`${method} ${path}`)
    const reply = route && (await route(request))
    if (reply) return reply
    // A browser that may have a page of the gateway's may not have the Hub's in its place.
    if (isFromWebPage(headers)) return noPages()
    const origin = this.#namedOrigin(request, path)
    if (origin !== undefined) return this.#absolute(request, origin + target)
    return mirror.handle({ ...request, target, base: `http://${host}` })
  }

  /** True where a browser asks for one of the pages that the gateway has, and no other page makes it. */
  #isOwnPage({ method, target, headers }: GatewayRequest): boolean {
    const isRead = method === 'GET' || method === 'HEAD'
    return isRead && this.#parts.pages.has(target.replace(/\?.*$/s, '')) && !isFromOtherPage(headers)
  }

  /** A request of a client that uses the gateway as its proxy. */
  #absolute(request: GatewayRequest, target: string): Reply | Promise<Reply> {
    if (!URL.canParse(target)) return refuse(400, 'not an address')
    const url = new URL(target)
    const { endpoint, mirror, proxy, allowList } = this.#parts
    const prefix = endpoint.pathname.replace(/\/+$/, '')
    const isHub = allowList.find(url)?.origin === endpoint.origin && url.pathname.startsWith(`${prefix}/`)
    if (!isHub) return proxy.handle(request, url)
    return mirror.handle({
      ...request,
      target: url.pathname.slice(prefix.length) + url.search,
      base: `http://${url.host}`,
    })
  }

  /**
   * The server that a bare path is meant for where it is not the Hub: the one that the client names, or for an LFS
   * address that lost its host on the way (a session that asks its https pool for http) the usual one.
   */
  #namedOrigin({ headers }: GatewayRequest, path: string): string | undefined {
    const registry = headers.get('x-dragonfly-registry')?.trim()
    if (registry) return withoutEndSlashes(registry)
    return lfsOidOf(path) === undefined ? undefined : this.#parts.allowList.defaultOrigin
  }
}

function noPages(): Reply {
  return refuse(403, 'the gateway does not answer web pages')
}

/**
 * Path and query as they will stand in the Hub's address, `..` and the like resolved: access is decided on the very path
 * that the Hub is asked for, and no path may climb out of the Hub's own.
 */
function plainTarget(target: string): string | undefined {
  const text = `http://gateway${target}`
  if (!target.startsWith('/') || !URL.canParse(text)) return undefined
  const { pathname, search } = new URL(text)
  return pathname + search
}
