import { delay } from '../../base/delay.ts'
import { safeJson } from '../../base/safe-json.ts'
import type { OwnRoute } from '../../gateway/gateway.ts'
import type { GatewayRequest, Reply } from '../../gateway/message.ts'
import { refuse } from '../../gateway/refusal.ts'
import { statusPage } from './status-page.ts'

/** Viewers at once, and of them from one address. */
const MOST_VIEWERS = 32
const MOST_OF_ADDRESS = 8
const EVERY_MS = 1_000

/** The paths that a browser may ask for: the page, and the events that fill it. */
export const statusPaths: ReadonlySet<string> = new Set(['/', '/v1/status'])

/** The status page and its events. Nothing is gathered or timed while there is no viewer. */
export class StatusRoutes {
  readonly #look: () => object
  readonly #viewers: string[] = []
  readonly #stop = new AbortController()
  #last: { readonly text: string; readonly atMs: number } | undefined

  /** `look` says how all stands; it is asked once a second for all viewers together. */
  constructor(look: () => object) {
    this.#look = look
  }

  get routes(): readonly (readonly [string, OwnRoute])[] {
    return [
      // Clients of the Hub may ask for its root as well; they do not ask for HTML.
      ['GET /', ({ headers }) => (wantsHtml(headers) ? statusPage() : undefined)],
      ['GET /v1/status', (request) => this.#events(request)],
    ]
  }

  /** Ends all streams. */
  close(): void {
    this.#stop.abort()
  }

  #events({ address, signal }: GatewayRequest): Reply {
    const ofAddress = this.#viewers.filter((each) => each === address).length
    if (this.#viewers.length >= MOST_VIEWERS || ofAddress >= MOST_OF_ADDRESS)
      return refuse(503, 'too many viewers at once', [['Retry-After', '10']])
    return {
      status: 200,
      headers: [
        ['Content-Type', 'text/event-stream'],
        ['Cache-Control', 'no-store'],
      ],
      body: this.#stream(address, AbortSignal.any([signal, this.#stop.signal])),
    }
  }

  async *#stream(address: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    this.#viewers.push(address)
    try {
      while (!signal.aborted) {
        yield new TextEncoder().encode(`data: ${this.#now()}\n\n`)
        await delay(EVERY_MS, { signal }).catch(() => {})
      }
    } finally {
      this.#viewers.splice(this.#viewers.indexOf(address), 1)
    }
  }

  #now(): string {
    const atMs = performance.now()
    if (this.#last === undefined || atMs - this.#last.atMs > 0.9 * EVERY_MS)
      this.#last = { text: safeJson(this.#look()), atMs }
    return this.#last.text
  }
}

function wantsHtml(headers: Headers): boolean {
  return /\btext\/html\b/i.test(headers.get('accept') ?? '') && !headers.has('x-dragonfly-registry')
}
