import { randomBytes } from 'node:crypto'
import { BoundedMap } from '../../base/bounded-map.ts'
import type { Sha256 } from '../../blob/oid.ts'
import type { Repo } from '../../repo/repo.ts'

const MAX_TICKETS = 10_000
/** How long the Hub's permission counts at the most, in ms; its own addresses may expire sooner. */
const LONGEST_MS = 3_600_000

/** One object that the Hub let one client have, and where it said that the bytes are. */
export interface LfsTicket {
  readonly repo: Repo
  readonly oid: Sha256
  readonly size: number
  readonly href: string
  readonly headers: Readonly<Record<string, string>>
  /** Wall-clock ms. */
  readonly expiresAtMs: number
}

/**
 * What the Hub allowed git-lfs to fetch. A ticket is a secret number that stands for one object for a short while: it
 * reveals nothing, cannot be guessed, and ends with this process.
 */
export class LfsTickets {
  readonly #tickets = new BoundedMap<string, LfsTicket>(MAX_TICKETS)
  readonly #now: () => number

  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  /** The number to hand to the client. */
  issue(ticket: Omit<LfsTicket, 'expiresAtMs'>, lifetimeMs: number): string {
    const number = randomBytes(24).toString('base64url')
    const expiresAtMs = this.#now() + Math.min(LONGEST_MS, lifetimeMs)
    this.#tickets.set(number, { ...ticket, expiresAtMs })
    return number
  }

  /** The ticket of a number, if it is for this object and not over. */
  find(number: string, oid: string): LfsTicket | undefined {
    const ticket = this.#tickets.get(number)
    if (ticket && ticket.expiresAtMs <= this.#now()) {
      this.#tickets.delete(number)
      return undefined
    }
    return ticket?.oid === oid ? ticket : undefined
  }
}
