import type { Throttle } from '../throttle.ts'

/** A body that nearly stands still: one byte each `everyMs` milliseconds, past its first `after` bytes. */
export interface Drip {
  readonly after: number
  readonly everyMs: number
}

/** How a response travels: everything that a bad network or a bad server does to an otherwise right response. */
export interface Conduct {
  readonly delayMs?: number
  /** Body bytes after which nothing more is sent until `lifted` resolves. */
  readonly stallAfter?: number
  readonly lifted?: Promise<void>
  /** Body bytes after which the connection is closed. */
  readonly cutAfter?: number
  /** A cut by RST in place of FIN. */
  readonly reset?: boolean
  /** Positions in the body (not in the blob) whose byte is inverted. */
  readonly flips?: readonly number[]
  readonly throttles?: readonly Throttle[]
  readonly drip?: Drip
  /** Told how many body bytes the socket took, as they go. */
  readonly sent?: (size: number) => void
  /** Told once when the answer is over, complete or not. */
  readonly ended?: (complete: boolean) => void
}

/** Inverts the bytes of a chunk that stand at the flipped positions of the body. */
export function flipBytes(chunk: Uint8Array, offset: number, flips: readonly number[]): void {
  for (const position of flips) {
    const byte = chunk[position - offset]
    if (byte !== undefined) chunk[position - offset] = byte ^ 0xff
  }
}
