/** How long the whole search may take, in ms: dead addresses behind a name can cost minutes. */
const LONGEST_MS = 15_000
/** How long peers on the local network take to answer the first question by multicast, in ms. */
const MULTICAST_MS = 2_000

/** What is known of the search for peers at the start. */
export interface SearchState {
  /** Since the search began, in ms. */
  readonly elapsedMs: number
  readonly hasPeer: boolean
  /** True when each address of each seed was tried once. */
  readonly hasTriedSeeds: boolean
  readonly isMulticast: boolean
}

/**
 * True when a process that has just started knows enough of its peers to be given work: it has met one, has asked
 * everywhere once, or has spent the time for it. Whether there are peers does not matter.
 */
export function isFirstSearchOver({ elapsedMs, hasPeer, hasTriedSeeds, isMulticast }: SearchState): boolean {
  if (hasPeer || elapsedMs >= LONGEST_MS) return true
  return hasTriedSeeds && (!isMulticast || elapsedMs >= MULTICAST_MS)
}
