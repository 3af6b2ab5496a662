/** What a file beside the blobs is to dfhf. */
export interface PartialName {
  /** What the blob is called, usually its oid. */
  readonly stem: string
  /** Eight hex digits when somebody else held the plain name, else undefined. */
  readonly suffix: string | undefined
  readonly kind: 'data' | 'journal'
}

/**
 * `<stem>.dfhf.incomplete`. It ends as the Hub's own leftovers do, so that their cleaners see it, but no client takes
 * it for its own and appends to it.
 */
export function partialDataName(stem: string, suffix?: string): string {
  return `${stem}${suffix === undefined ? '' : `.${suffix}`}.dfhf.incomplete`
}

/** The journal that belongs to a data file of the same stem and suffix. */
export function partialJournalName(stem: string, suffix?: string): string {
  return `${stem}${suffix === undefined ? '' : `.${suffix}`}.dfhf-journal.incomplete`
}

/** Reads a name that one of the above made; undefined for any other. */
export function parsePartialName(name: string): PartialName | undefined {
  const match = /^(.+?)(?:\.([0-9a-f]{8}))?\.dfhf(-journal(?:-new)?)?\.incomplete$/.exec(name)
  const stem = match?.[1]
  if (stem === undefined) return undefined
  return { stem, suffix: match?.[2], kind: match?.[3] === undefined ? 'data' : 'journal' }
}
