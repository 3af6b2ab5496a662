/** A byte rate shared by all who take from it, first come first served; one may be changed while in use. */
export class Throttle {
  bytesPerSecond: number
  #freeAt = 0

  constructor(bytesPerSecond: number) {
    this.bytesPerSecond = bytesPerSecond
  }

  /** The largest piece to take at once: about 10 ms worth, so that several takers get even shares. */
  get grain(): number {
    if (this.bytesPerSecond === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY
    return Math.min(256 * 1024, Math.max(512, Math.floor(this.bytesPerSecond / 100)))
  }

  /** Waits until `size` more bytes may go. */
  async take(size: number, signal: AbortSignal): Promise<void> {
    if (this.bytesPerSecond === Number.POSITIVE_INFINITY) return
    const now = performance.now()
    const start = Math.max(now - 20, this.#freeAt)
    this.#freeAt = start + (size / this.bytesPerSecond) * 1000
    const wait = this.#freeAt - now
    if (wait >= 1) await pause(wait, signal)
  }
}

/** Resolves after some milliseconds, or early when the signal aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
