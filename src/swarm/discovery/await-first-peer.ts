import { delay } from '../../base/delay.ts'

/**
 * How long after its start, in ms, a process that was told of seeds and has reached no peer waits before it spends the
 * uplink: long enough for the second look-up of their names, as pods that start together get theirs one by one.
 */
const SEEKING_MS = 1_500

export interface FirstPeerOptions {
  readonly hasPeer: () => boolean
  /** Calls `listener` whenever a peer appears, until the returned function is called. */
  readonly onJoin: (listener: () => void) => () => void
  /** Ends the wait. */
  readonly signal: AbortSignal
  /** @default 1.5 s */
  readonly seekingMs?: number
}

/** Resolves once a peer is known, or it is time to go on without one. */
export async function awaitFirstPeer(options: FirstPeerOptions): Promise<void> {
  const { hasPeer, onJoin, signal, seekingMs = SEEKING_MS } = options
  if (hasPeer()) return
  const found = new AbortController()
  const off = onJoin(() => found.abort())
  await delay(seekingMs, { signal: AbortSignal.any([signal, found.signal]) }).catch(() => {})
  off()
}
