import type { RunningTransfer } from '../transfer/transfer-engine.ts'

/** One fetch into the store that any number of readers share. */
export interface SharedFetch {
  readonly transfer: RunningTransfer
  /** Resolves when the blob is whole, checked and in the store; rejects with what went wrong. */
  readonly done: Promise<void>
  /** Says that one of the readers that joined is no longer interested; the last one to leave ends the fetch. */
  leave(): void
}

/** Waits for a fetch to end, and leaves it then or when the signal aborts. */
export async function untilDone(fetch: SharedFetch, signal: AbortSignal): Promise<void> {
  const leave = () => fetch.leave()
  signal.addEventListener('abort', leave, { once: true })
  try {
    signal.throwIfAborted()
    await fetch.done
  } finally {
    signal.removeEventListener('abort', leave)
    fetch.leave()
  }
}
