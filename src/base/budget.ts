/** How much may be used up, in any unit. */
export interface BudgetOptions {
  /** What comes back a second, for all senders together. */
  readonly perSecond: number
  /** What all senders together may use up at once after a rest. */
  readonly saved: number
  /** The part of both that one sender alone may have. @default 0.25 */
  readonly share?: number
  /** Senders that are told apart; of more the one that asked longest ago is forgotten. @default 4096 */
  readonly maxSenders?: number
  /** Milliseconds on a clock that never goes back. @default performance.now */
  readonly now?: () => number
}

interface Account {
  /** What is left; below nothing after a cost that was larger. */
  level: number
  atMs: number
}

/** Below this share of the whole, senders that have much of their own left go before those that have little. */
const SCARCE = 0.5
/** The last part is for senders that have all of their own left. */
const RESERVE = 0.1

/**
 * A token bucket for each sender and one for all of them. When the common one runs low, a sender must have the more
 * of its own left, so that a sender which asks now and then is let in before any number of greedy ones.
 */
export class Budget {
  readonly #options: Required<BudgetOptions>
  readonly #common: Account
  /** Senders that have used something up, the one that asked longest ago first. */
  readonly #senders = new Map<string, Account>()

  constructor(options: BudgetOptions) {
    this.#options = { share: 0.25, maxSenders: 4096, now: () => performance.now(), ...options }
    this.#common = { level: options.saved, atMs: this.#options.now() }
  }

  /** Senders that are remembered. */
  get senderCount(): number {
    return this.#senders.size
  }

  /** Uses `cost` up and returns 0, or changes nothing and returns in how many milliseconds to ask again. */
  take(sender: string, cost: number): number {
    const { perSecond, saved, share } = this.#options
    const now = this.#options.now()
    this.#forgetRested(now)
    const own = this.#senders.get(sender) ?? { level: saved * share, atMs: now }
    refill(this.#common, { perSecond, saved, now })
    refill(own, { perSecond: this.#ownRate(), saved: saved * share, now })
    const scarcity = (SCARCE - this.#common.level / saved) / (SCARCE - RESERVE)
    const wanted = saved * share * Math.min(1, Math.max(0, scarcity))
    const isLetIn = this.#common.level > 0 && own.level > 0 && own.level >= wanted
    this.#senders.delete(sender)
    this.#senders.set(sender, own)
    this.#trim()
    if (!isLetIn) return this.#waitMs(own, wanted)
    this.#common.level -= cost
    own.level -= cost
    return 0
  }

  /** Each sender gets back its part, and no more than all would have if each used up what comes back to it. */
  #ownRate(): number {
    const { perSecond, share } = this.#options
    return perSecond * Math.min(share, 1 / Math.max(1, this.#senders.size))
  }

  #waitMs(own: Account, wanted: number): number {
    const missing = (wanted - own.level) / this.#ownRate()
    const missingOfAll = -this.#common.level / this.#options.perSecond
    return Math.ceil(1000 * Math.max(0.001, missing, missingOfAll))
  }

  /** A sender that would have all of its own again is like one that was never seen. */
  #forgetRested(now: number): void {
    const { saved, share } = this.#options
    for (const [sender, { level, atMs }] of this.#senders) {
      if (level + (this.#ownRate() * (now - atMs)) / 1000 < saved * share) return
      this.#senders.delete(sender)
    }
  }

  #trim(): void {
    for (const sender of this.#senders.keys()) {
      if (this.#senders.size <= this.#options.maxSenders) return
      this.#senders.delete(sender)
    }
  }
}

function refill(
  account: Account,
  { perSecond, saved, now }: { readonly perSecond: number; readonly saved: number; readonly now: number },
): void {
  account.level = Math.min(saved, account.level + (perSecond * (now - account.atMs)) / 1000)
  account.atMs = now
}
