import { type HttpAnswer, type HttpHeaders, textAnswer } from './http/message.ts'
import type { RouteKind } from './route.ts'

/** The Hub's three budgets. */
export type Budget = 'api' | 'resolvers' | 'pages'

/** Requests that each budget allows in one window. */
export interface Quotas {
  readonly api: number
  readonly resolvers: number
  readonly pages: number
  readonly windowSeconds: number
}

/** Counts requests in fixed windows and says so in each answer, as the Hub does. */
export class RateLimit {
  quotas: Quotas
  readonly #used: Record<Budget, number> = { api: 0, resolvers: 0, pages: 0 }
  #windowStart = Date.now()

  constructor(quotas: Quotas) {
    this.quotas = quotas
  }

  /** Takes one request from its budget. */
  take(kind: RouteKind): { readonly headers: HttpHeaders; readonly refusal: HttpAnswer | undefined } {
    const budget = budgetOf(kind)
    const { windowSeconds } = this.quotas
    const elapsed = (Date.now() - this.#windowStart) / 1000
    if (elapsed >= windowSeconds) this.restart()
    const left = this.quotas[budget] - this.#used[budget]
    this.#used[budget] += 1
    const seconds = Math.max(0, Math.ceil(windowSeconds - elapsed))
    const headers = {
      RateLimit: `"${budget}";r=${Math.max(0, left - 1)};t=${seconds}`,
      'RateLimit-Policy': `"fixed window";"${budget}";q=${this.quotas[budget]};w=${windowSeconds}`,
    }
    const refusal = left > 0 ? undefined : textAnswer(429, 'We had to rate limit you.')
    return { headers, refusal }
  }

  /** Begins a new window with full budgets. */
  restart(): void {
    this.#windowStart = Date.now()
    this.#used.api = 0
    this.#used.resolvers = 0
    this.#used.pages = 0
  }
}

function budgetOf(kind: RouteKind): Budget {
  if (kind === 'resolve' || kind === 'resolve-cache' || kind === 'lfs-batch') return 'resolvers'
  return kind === 'raw' || kind === 'git' || kind === 'other' ? 'pages' : 'api'
}
