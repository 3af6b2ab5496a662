/** What a file beside the blobs is to dfhf. */
export interface PartialName {
  /** What the blob is called, usually its oid. */
  readonly stem: string
  /** Eight hex digits of the process that writes, sixteen when it has no lock; undefined when it was put down. */
  readonly suffix: string | undefined
  /** A new journal is temporary until it is whole. */
  readonly kind: 'data' | 'journal' | 'temporary'
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

/** A name that no other process draws, for a journal until it is whole. */
export function temporaryJournalName(journal: string, random: string): string {
  return journal.replace(/\.incomplete$/, `-${random}.incomplete`)
}

/** Reads a name that one of the above made; undefined for any other. */
export function parsePartialName(name: string): PartialName | undefined {
  const match =
    /^(.+?)(?:\.([0-9a-f]{8}(?:[0-9a-f]{8})?))?\.dfhf(-journal(-[0-9a-f]{8})?)?\.incomplete$/.exec(name)
  const stem = match?.[1]
  if (stem === undefined) return undefined
  const kind = match?.[4] !== undefined ? 'temporary' : match?.[3] !== undefined ? 'journal' : 'data'
  return { stem, suffix: match?.[2], kind }
}
