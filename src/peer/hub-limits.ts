import { createHash } from 'node:crypto'
import type { RateGate } from '../http/rate-gate.ts'
import type { HubLimitBoard, HubLimitNews } from '../swarm/protocol/hub-limit-wire.ts'

/**
 * The limits of the Hub as peers share them, so that the nodes of a site are refused once each and not with all that
 * they ask. Tells what the Hub told this process itself, and no host's name to those that do not know it.
 */
export class HubLimits implements HubLimitBoard {
  readonly #gate: RateGate
  readonly #host: string
  readonly #tag: string

  /** `gate` holds the requests to the Hub at `host`, with its port where it has one. */
  constructor(gate: RateGate, host: string) {
    this.#gate = gate
    this.#host = host
    this.#tag = createHash('sha256').update(this.#host).digest('hex').slice(0, 16)
  }

  limits(): HubLimitNews[] {
    return this.#gate
      .limits()
      .filter(({ host }) => host === this.#host)
      .map(({ budget, hasAccount, forMs }) => ({ hostTag: this.#tag, budget, hasAccount, forMs }))
  }

  toldOf({ hostTag, budget, hasAccount, forMs }: HubLimitNews): void {
    if (hostTag === this.#tag) this.#gate.toldOf({ host: this.#host, budget, hasAccount, forMs })
  }

  onLimit(listener: () => void): void {
    this.#gate.onLimit(listener)
  }
}
