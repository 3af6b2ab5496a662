import type { Probe } from '../gateway/door.ts'
import { jsonReply } from '../gateway/message.ts'

/** What has to be done once before a node is ready, as a probe names it. */
export type Preparation = 'store-index' | 'peer-search'

/**
 * Whether this process works (`/healthz`), has started (`/startupz`) and should be given work (`/readyz`). Whether the
 * Hub answers is no part of it: a node without its Hub still serves what it has.
 */
export class Readiness {
  readonly #open: Map<Preparation, () => boolean>
  #isStopping = false

  /** Each preparation, with what says whether it is over. */
  constructor(preparations: Readonly<Record<Preparation, () => boolean>>) {
    this.#open = new Map([
      ['store-index', preparations['store-index']],
      ['peer-search', preparations['peer-search']],
    ])
  }

  /** Not ready from now on. */
  stop(): void {
    this.#isStopping = true
  }

  /** The probes by their paths. */
  get probes(): ReadonlyMap<string, Probe> {
    return new Map([
      ['/healthz', () => jsonReply(200, { ok: true })],
      ['/startupz', () => verdict('started', this.#missing())],
      ['/readyz', () => verdict('ready', this.#isStopping ? ['stopping'] : this.#missing())],
    ])
  }

  /** What is over once stays so: a node that loses its peers again goes on without them. */
  #missing(): readonly string[] {
    for (const [name, isOver] of this.#open) if (isOver()) this.#open.delete(name)
    return [...this.#open.keys()]
  }
}

function verdict(name: 'started' | 'ready', missing: readonly string[]) {
  const isMet = missing.length === 0
  return jsonReply(isMet ? 200 : 503, { [name]: isMet, missing })
}
