/** Time that shows the pace of a connection. */
const WINDOW_MS = 50
/** Reads that are so large on their own need no help. */
const LARGE_READ = 2 ** 16
const MOST = 2 ** 18

/** How long a connection's bytes may wait. */
export interface LowWaterOptions {
  /** How long bytes may wait in the kernel for others to come, in ms. @default 50, at a link's pace some tens of KiB */
  readonly gatherMs?: number
  /** The lowest mark: to wait for fewer bytes saves nothing. @default 16 KiB */
  readonly least?: number
  /**
   * So much of a body's end is not waited for. @default 20 KiB: of a TLS record that is not whole, the kernel has given
   * its part already
   */
  readonly tail?: number
}

/**
 * Decides how many bytes of a body must be there before its reader is woken. On a link packets come one by one, and to
 * wake for each of them costs more than all work on its bytes. Deterministic: time comes in.
 */
export class LowWaterMark {
  readonly #gatherMs: number
  readonly #least: number
  readonly #tail: number
  #wanted = 1
  #startedAt = 0
  #bytes = 0
  #reads = 0

  constructor({ gatherMs = 50, least = 2 ** 14, tail = 20 * 2 ** 10 }: LowWaterOptions = {}) {
    this.#gatherMs = gatherMs
    this.#least = least
    this.#tail = tail
  }

  /** A body begins. What was learned of the connection before still holds. */
  begin(now: number): void {
    this.#startedAt = now
    this.#bytes = 0
    this.#reads = 0
  }

  /** Bytes were read, and `left` of the body are still in the kernel or to come; gives the mark for the next read. */
  after(length: number, left: number, now: number): number {
    this.#bytes += length
    this.#reads += 1
    const elapsed = now - this.#startedAt
    if (elapsed >= WINDOW_MS) {
      const isLarge = this.#wanted === 1 && this.#bytes >= LARGE_READ * this.#reads
      this.#wanted = isLarge ? 1 : this.#markFor(this.#bytes / elapsed)
      this.begin(now)
    }
    const most = left - this.#tail
    if (this.#wanted <= most) return this.#wanted
    return this.#wanted > 1 && most >= this.#least ? most : 1
  }

  /** No bytes came for longer than the pace explains: from now on the reader is woken for any. */
  relax(now: number): void {
    this.#wanted = 1
    this.begin(now)
  }

  /** A power of two, so that the kernel is told anew only when the pace has really changed. */
  #markFor(bytesPerMs: number): number {
    const size = Math.min(MOST, bytesPerMs * this.#gatherMs)
    return size < this.#least ? 1 : 2 ** Math.floor(Math.log2(size))
  }
}
