import type { Duplex } from 'node:stream'
import type { GatewayHandler } from './gateway-server.ts'
import type { HubMirror } from './hub-mirror.ts'
import { type GatewayRequest, jsonReply, type Reply } from './message.ts'
import { refuse } from './refusal.ts'

/** What answers which requests. */
export interface GatewayParts {
  readonly mirror: HubMirror
}

/** All that the gateway's port answers, by what is asked. */
export class Gateway implements GatewayHandler {
  readonly #parts: GatewayParts

  constructor(parts: GatewayParts) {
    this.#parts = parts
  }

  async handle(request: GatewayRequest): Promise<Reply> {
    const { target } = request
    if (!target.startsWith('/')) return refuse(400, 'a path or an address is needed')
    const path = target.replace(/[?#].*$/s, '')
    if (path === '/healthz') return jsonReply(200, { ok: true })
    return this.#parts.mirror.handle({ ...request, base: `http://${hostOf(request)}` })
  }

  async connect(_authority: string, socket: Duplex): Promise<void> {
    socket.end('HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\n\r\n')
  }
}

/** The name and port by which the client reaches the gateway. */
function hostOf({ headers }: GatewayRequest): string {
  const host = headers.get('host') ?? ''
  return /^[\w.:[\]-]{1,255}$/.test(host) ? host : 'localhost'
}
