/** What a transfer does when others of its process need connections to the Hub. */
export interface SeatOwner {
  /** Looks again, as a connection may be free. */
  readonly wake: () => void
  /** Gives one of several connections back, for a transfer that has none. */
  readonly yieldOne: () => void
}

/** What a seat asks of the budget that it is part of. */
interface SharedBudget {
  /** Connections that the seat's transfer may open now. */
  freeFor(seat: HubSeat): number
  acquire(): () => void
  leave(seat: HubSeat): void
  /** The seat that has most connections. */
  readonly richest: HubSeat | undefined
}

/**
 * One transfer's part of the connections to the Hub that all files of a process share. No file stands still for
 * another one: a file without a connection may have its first at once, and where none is left, one that has several
 * gives one back.
 */
export class HubSeat {
  readonly owner: SeatOwner
  readonly #budget: SharedBudget
  #held = 0
  /** True from the moment it is asked to give one back until it has. */
  #isAsked = false

  constructor(budget: SharedBudget, owner: SeatOwner) {
    this.#budget = budget
    this.owner = owner
  }

  /** Connections that it has now. */
  get held(): number {
    return this.#held
  }

  /** Connections that this transfer may open now. */
  get free(): number {
    return this.#budget.freeFor(this)
  }

  /** Takes one connection; the function it gives back returns it and may be called once. */
  acquire(): () => void {
    this.#held += 1
    const release = this.#budget.acquire()
    return () => {
      this.#held -= 1
      this.#isAsked = false
      release()
    }
  }

  /** Says that this transfer stands still for want of a connection. */
  starve(): void {
    if (this.#held === 0 && this.free === 0) this.#budget.richest?.ask()
  }

  /** Asks for one connection; a second time only once that was given. */
  ask(): void {
    if (this.#isAsked || this.#held < 2) return
    this.#isAsked = true
    this.owner.yieldOne()
  }

  leave(): void {
    this.#budget.leave(this)
  }
}
