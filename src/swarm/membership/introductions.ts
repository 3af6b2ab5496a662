/**
 * Peers that were told of and have not spoken themselves, by teller. The sender of an announcement cannot be proven,
 * so all of these peers together have a bounded room, and the teller that fills most of it gives way first.
 */
export class Introductions {
  readonly #limit: number
  readonly #perSender: number
  /** By sender, the peers in the order of their introduction. */
  readonly #bySender = new Map<string, Set<string>>()
  #count = 0

  constructor(limits: { readonly total: number; readonly perSender: number }) {
    this.#limit = limits.total
    this.#perSender = limits.perSender
  }

  get isFull(): boolean {
    return this.#count >= this.#limit
  }

  /** True when this sender may introduce one more. */
  mayTell(sender: string): boolean {
    return (this.#bySender.get(sender)?.size ?? 0) < this.#perSender
  }

  add(sender: string, id: string): void {
    const ids = this.#bySender.get(sender) ?? new Set()
    this.#bySender.set(sender, ids)
    if (!ids.has(id)) this.#count += 1
    ids.add(id)
  }

  /** The peer spoke itself, or was forgotten. */
  remove(sender: string, id: string): void {
    const ids = this.#bySender.get(sender)
    if (!ids?.delete(id)) return
    this.#count -= 1
    if (ids.size === 0) this.#bySender.delete(sender)
  }

  /** The oldest introduction of the sender with the most of them. */
  leastWanted(): string | undefined {
    let most: ReadonlySet<string> = new Set()
    for (const ids of this.#bySender.values()) if (ids.size > most.size) most = ids
    const [oldest] = most
    return oldest
  }

  /** All of them, a round of one from each sender after another, so that no sender crowds out the others. */
  inTurns(): string[] {
    const turns: string[] = []
    const lists = [...this.#bySender.values()].map((ids) => [...ids])
    const longest = Math.max(0, ...lists.map((ids) => ids.length))
    for (let turn = 0; turn < longest; turn += 1)
      for (const ids of lists) {
        const id = ids[turn]
        if (id !== undefined) turns.push(id)
      }
    return turns
  }
}
