import type { Duplex } from 'node:stream'
import type { AllowList } from './allow-list.ts'
import type { CdnProxy } from './cdn-proxy.ts'
import type { GatewayHandler } from './gateway-server.ts'
import type { HubMirror } from './hub-mirror.ts'
import type { GatewayRequest, Reply } from './message.ts'
import { refuse } from './refusal.ts'
import type { Tunnels } from './tunnel.ts'

/** Answers one of the gateway's own paths. */
export type OwnRoute = (request: GatewayRequest) => Reply | Promise<Reply>

/** What answers which requests. */
export interface GatewayParts {
  readonly endpoint: URL
  readonly mirror: HubMirror
  readonly proxy: CdnProxy
  readonly tunnels: Tunnels
  readonly allowList: AllowList
  /** By `METHOD /path`. */
  readonly own: ReadonlyMap<string, OwnRoute>
}

/** All that the gateway's port answers, by what is asked. */
export class Gateway implements GatewayHandler {
  readonly #parts: GatewayParts

  constructor(parts: GatewayParts) {
    this.#parts = parts
  }

  async handle(request: GatewayRequest): Promise<Reply> {
    const { target } = request
    if (/^https?:\/\//i.test(target)) return this.#absolute(request, target)
    if (!target.startsWith('/')) return refuse(400, 'a path or an address is needed')
    const path = target.replace(/[?#].*$/s, '')
    const method = request.method === 'HEAD' ? 'GET' : request.method
    const own = this.#parts.own.get(`${method} ${path}`)
    if (own) return own(request)
    const origin = this.#namedOrigin(request, path)
    if (origin !== undefined) return this.#absolute(request, origin + target)
    return this.#parts.mirror.handle({ ...request, base: `http://${hostOf(request)}` })
  }

  connect(authority: string, socket: Duplex, head: Uint8Array, signal: AbortSignal): Promise<void> {
    return this.#parts.tunnels.run(authority, socket, head, signal)
  }

  /** A request of a client that takes us for its proxy. */
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
    if (registry) return registry.replace(/\/+$/, '')
    const isLfsPath = /^\/repos\/[0-9a-f]{2}\/[0-9a-f]{2}\/[0-9a-f]{64}\/[0-9a-f]{64}$/.test(path)
    if (!isLfsPath) return undefined
    const named = `http://${headers.get('host') ?? ''}`
    const isNamed = URL.canParse(named) && this.#parts.allowList.find(new URL(named)) !== undefined
    return isNamed ? named : this.#parts.allowList.defaultOrigin
  }
}

/** The name and port by which the client reaches the gateway. */
function hostOf({ headers }: GatewayRequest): string {
  const host = headers.get('host') ?? ''
  return /^[\w.:[\]-]{1,255}$/.test(host) ? host : 'localhost'
}
