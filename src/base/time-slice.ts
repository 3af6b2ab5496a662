/**
 * Returns what long work waits for between two steps: it goes on at once while the slice lasts, and else after
 * everything else that waits for the thread had its turn.
 */
export function createTimeSlice(
  options: { readonly sliceMs?: number; readonly now?: () => number } = {},
): () => Promise<void> {
  const { sliceMs = 10, now = () => performance.now() } = options
  let until = now() + sliceMs
  return async () => {
    if (now() < until) return
    await new Promise<void>((resolve) => setImmediate(resolve))
    until = now() + sliceMs
  }
}
