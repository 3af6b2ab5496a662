import { delay } from '../../base/delay.ts'

/** How long after the start of this process's search peers on the same network may still answer, in ms. */
export const SEARCH_MS = 100
/**
 * The same for a process that was told of seeds and has reached no peer: long enough for the second look-up of their
 * names, as pods that start together get theirs one by one.
 */
export const SEEKING_MS = 1_500

/** How a process looks for peers. */
export interface PeerSearch {
  /** When the search for peers began, on the clock of `performance.now`. */
  readonly startedAt: number
  /** True while this process was told of seeds and knows no peer. @default it was told of none */
  isSeeking?(): boolean
  /** Calls `listener` whenever a peer appears, until the returned function is called. */
  onJoin(listener: () => void): () => void
}

/** Resolves when peers have had the time to be found before the uplink is spent: a moment, and a longer one for seeds. */
export async function firstPeers(
  search: PeerSearch,
  { seekingMs, signal }: { readonly seekingMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const until = (ms: number) => Math.max(0, search.startedAt + ms - performance.now())
  await delay(until(SEARCH_MS), { signal })
  if (until(seekingMs) === 0 || !search.isSeeking?.()) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const off = search.onJoin(resolve)
  await Promise.race([promise, delay(until(seekingMs), { signal })]).finally(off)
}
