import { isAbort } from '../base/errors.ts'
import type { LandedPieces } from './writing/landed-pieces.ts'

/**
 * `fetching` piece by piece, or `whole` in one stream, while pieces are missing; `checking` from the last piece on, when
 * nothing may write any more; `repairing` while wrong pieces are looked for; `over` once it has failed or ended.
 */
export type Phase = 'fetching' | 'whole' | 'checking' | 'repairing' | 'over'

/** Where one transfer stands: its pieces, its phase, and the error that ends it. Knows none of the parts that act on it. */
export class TransferState {
  readonly pieces: LandedPieces
  readonly #end = new AbortController()
  #phase: Phase = 'fetching'
  #failure: unknown
  #wake: () => void = () => {}

  constructor(pieces: LandedPieces) {
    this.pieces = pieces
  }

  get phase(): Phase {
    return this.#phase
  }

  /** Aborted when the transfer has ended, well or not. */
  get ended(): AbortSignal {
    return this.#end.signal
  }

  /** Goes on to another phase. After a failure nothing is fetched any more; what is here may still be checked. */
  enter(phase: Exclude<Phase, 'over'>): void {
    const isFetch = phase === 'fetching' || phase === 'whole'
    this.#phase = isFetch && this.#failure !== undefined ? 'over' : phase
  }

  /** Ends the transfer with an error, unless all pieces are here and turn out to be right. */
  fail(error: unknown): void {
    this.#failure ??= error
    if (this.#phase === 'fetching' || this.#phase === 'whole') this.#phase = 'over'
    this.#wake()
  }

  /** Ends all that runs for the transfer. */
  end(): void {
    this.#phase = 'over'
    this.#end.abort()
  }

  /** Has `untilFull` look again. */
  wake(): void {
    this.#wake()
  }

  /** Resolves when all pieces are here; throws the error that keeps the rest away, or what the user aborted with. */
  async untilFull(): Promise<void> {
    while (!this.pieces.isFull) {
      if (this.#failure !== undefined) throw this.#failure
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wake = resolve
      await promise
    }
    if (isAbort(this.#failure)) throw this.#failure
  }
}
