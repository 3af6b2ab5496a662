import type { AllowedClients } from './access/allowed-clients.ts'
import type { OwnNames } from './access/own-names.ts'
import { isFromWebPage } from './access/web-page.ts'
import type { ConnectRequest, GatewayHandler } from './gateway-server.ts'
import type { GatewayRequest, Reply } from './message.ts'
import { leaving, refuse } from './refusal.ts'

/** Answers a question about the health of this process. */
export type Probe = () => Reply

/** Where a door leads to, and whom it lets in. */
export interface DoorOptions {
  readonly inside: GatewayHandler
  readonly allowed: AllowedClients
  /** The names by which probes are asked for; a kubelet uses the pod's address. */
  readonly ownNames: OwnNames
  /** By path. */
  readonly probes: ReadonlyMap<string, Probe>
}

/**
 * What a request meets first. Probes are answered to every machine and until the process ends: a kubelet asks from its
 * node, which need not be among the clients. All else goes inside only from an allowed client, and only until the
 * process leaves.
 */
export class Door implements GatewayHandler {
  readonly #options: DoorOptions
  #isLeaving = false

  constructor(options: DoorOptions) {
    this.#options = options
  }

  /** Refuses from now on all but probes. */
  leave(): void {
    this.#isLeaving = true
  }

  async handle(request: GatewayRequest): Promise<Reply> {
    const { inside, allowed } = this.#options
    const probe = this.#probeFor(request)
    if (probe) return probe()
    if (!allowed.has(request.address)) return refuse(403, strange(request.address), [['Connection', 'close']])
    if (this.#isLeaving) return leaving()
    return inside.handle(request)
  }

  async connect(request: ConnectRequest): Promise<void> {
    const { inside, allowed } = this.#options
    const isAllowed = allowed.has(request.address)
    if (isAllowed && !this.#isLeaving) return inside.connect(request)
    const status = isAllowed ? '503 Service Unavailable' : '403 Forbidden'
    request.socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
  }

  #probeFor({ method, target, headers, localAddress }: GatewayRequest): Probe | undefined {
    const { probes, ownNames } = this.#options
    if ((method !== 'GET' && method !== 'HEAD') || isFromWebPage(headers)) return undefined
    return ownNames.isOwn(headers.get('host'), localAddress)
      ? probes.get(target.replace(/\?.*$/s, ''))
      : undefined
  }
}

function strange(address: string): string {
  return `this gateway does not answer ${address}; --gateway-allow names the machines that it does`
}
