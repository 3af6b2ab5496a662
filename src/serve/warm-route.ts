import type { Log } from '../base/log.ts'
import { isLoopbackAddress, isLoopbackHost } from '../base/loopback.ts'
import { credentialsOf } from '../gateway/access/credentials.ts'
import { hostNameOf } from '../gateway/access/own-names.ts'
import type { GatewayRequest, Reply } from '../gateway/message.ts'
import type { HubUpstream } from '../gateway/mirror/hub-upstream.ts'
import { describeError, refusalWithCode, refuse } from '../gateway/refusal.ts'
import { readBody } from '../gateway/request-body.ts'
import type { BlobLibrary } from '../peer/blob-library.ts'
import type { Origin } from '../repo/origin.ts'
import { LineStream } from './line-stream.ts'
import { parseWarmOrder } from './warm-order.ts'
import { planWarm, runWarm, type WarmParts } from './warm-store.ts'
import { admitOrder } from './warm-token.ts'

const MAX_ORDER_SIZE = 2 ** 20
const MAX_ORDERS = 16
const ALIVE_EVERY_MS = 2_000

/** The daemon's parts that carry out orders. */
export interface WarmRouteParts {
  readonly library: BlobLibrary
  readonly upstream: HubUpstream
  /** Asks with this node's own token; used for orders of this machine alone. */
  readonly ownHub: Origin
  /** True where only this machine reaches the gateway. */
  readonly isLoopbackOnly: boolean
  readonly storeQuota: number
  /** The secrets by which other machines may order now. */
  readonly warmTokens: () => readonly string[]
  readonly log: Log
}

/** `POST /v1/warm`: has this node fetch files of a repo into its store, and tells how it goes. */
export class WarmRoute {
  readonly #parts: WarmRouteParts
  #orders = 0

  constructor(parts: WarmRouteParts) {
    this.#parts = parts
  }

  async handle(given: GatewayRequest): Promise<Reply> {
    let request: GatewayRequest
    try {
      request = admitOrder(given, this.#parts.warmTokens())
    } catch (error) {
      return refusalWithCode(error)
    }
    // A web page cannot send this type to another site without asking first (CORS), which the gateway refuses.
    if (!/^application\/json\s*(?:;|$)/i.test(request.headers.get('content-type') ?? '')) {
      return refuse(400, 'an order must come as Content-Type: application/json')
    }
    if (this.#orders >= MAX_ORDERS) return refuse(503, 'too many orders at once', [['Retry-After', '10']])
    this.#orders += 1
    const leave = new AbortController()
    const signal = AbortSignal.any([request.signal, leave.signal])
    try {
      const { library, storeQuota, upstream } = this.#parts
      using body = await readBody(request, MAX_ORDER_SIZE)
      const text = new TextDecoder().decode(body.bytes)
      const order = parseWarmOrder(text, upstream.endpoint.href)
      const parts: WarmParts = { library, storeQuota, hub: this.#hubFor(request), signal }
      const plan = await planWarm(order, parts)
      const lines = new LineStream(() => leave.abort())
      void this.#run(plan, parts, lines)
      return { status: 200, headers: [['Content-Type', 'application/x-ndjson']], body: lines }
    } catch (error) {
      this.#orders -= 1
      signal.throwIfAborted()
      return refusalWithCode(error)
    }
  }

  async #run(plan: Parameters<typeof runWarm>[0], parts: WarmParts, lines: LineStream): Promise<void> {
    const alive = setInterval(() => void lines.push({ type: 'alive' }), ALIVE_EVERY_MS)
    try {
      await runWarm(plan, parts, (event) => lines.push(event))
    } catch (error) {
      if (!parts.signal.aborted)
        this.#parts.log.warn(
          `cannot fetch what was ordered: ${error instanceof Error ? error.message : String(error)}`,
        )
      void lines.push({ type: 'error', ...describeError(error) })
    } finally {
      this.#orders -= 1
      clearInterval(alive)
      lines.end()
    }
  }

  /** The Hub with this node's token for a user of this machine; for other clients with the token that they send. */
  #hubFor({ headers, address }: GatewayRequest): Origin {
    const { upstream, ownHub, isLoopbackOnly } = this.#parts
    const credentials = credentialsOf(headers)
    // A proxy on this machine sends its clients' requests from loopback as well, and these may come from any machine.
    const isPassedOn = ['forwarded', 'via', 'x-forwarded-for', 'x-real-ip'].some((name) => headers.has(name))
    const isNear = isLoopbackAddress(address)
    const isOurs =
      isLoopbackOnly && isNear && !isPassedOn && isLoopbackHost(hostNameOf(headers.get('host') ?? '') ?? '')
    if (credentials.authorization === undefined && isOurs) return ownHub
    return upstream.clientFor(credentials, headers.get('user-agent') ?? 'dfhf')
  }
}
