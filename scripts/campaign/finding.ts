/** What a run must keep to, in the words of the summary. */
export const invariants = [
  'wrong bytes',
  'private bytes',
  'private names',
  'token off the Hub',
  'past the bound',
  'no end alone',
  'exit code',
  'messages',
  'rotten blob',
  'memory',
  'handles',
  'stopping',
  'left behind',
  'campaign',
] as const

/** What a run must keep to. */
export type Invariant = (typeof invariants)[number]

/** One breach of an invariant. */
export interface Finding {
  readonly invariant: Invariant
  readonly text: string
}

/** The breaches of one run; of each kind a few are kept and the others counted. */
export class Findings {
  /** How often wrong bytes came that the sender could not check yet, in a reply that was cut or a piece of an unfinished blob: no breach. */
  unproven = 0
  readonly #found = new Map<Invariant, { readonly texts: string[]; count: number }>()

  add(invariant: Invariant, text: string): void {
    const found = this.#found.get(invariant) ?? { texts: [], count: 0 }
    this.#found.set(invariant, found)
    found.count += 1
    if (found.texts.length < 3 && !found.texts.includes(text)) found.texts.push(text)
  }

  /** In the order in which the kinds were first seen. */
  list(): Finding[] {
    return [...this.#found].flatMap(([invariant, { texts, count }]) =>
      texts.map((text, index) => ({
        invariant,
        text: index === 0 && count > texts.length ? `${text} (${count} times in all)` : text,
      })),
    )
  }
}
