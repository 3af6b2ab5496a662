/** The listeners to one kind of event, each until it unsubscribes. */
export class Listeners<Event = void> {
  readonly #all = new Set<(event: Event) => void>()

  /** Calls `listener` with each event from now on; returns what ends that. */
  add(listener: (event: Event) => void): () => void {
    this.#all.add(listener)
    return () => this.#all.delete(listener)
  }

  tell(event: Event): void {
    for (const listener of this.#all) listener(event)
  }
}
