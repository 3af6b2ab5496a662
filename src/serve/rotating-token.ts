/**
 * How long the token before the newest is accepted too, in ms: by then its clients have the new one, as a kubelet brings a
 * changed Secret within about two minutes.
 */
const OVERLAP_MS = 120_000

/** A token that clients may still use for a while after another one has replaced it, but not after it was withdrawn. */
export class RotatingToken {
  readonly #now: () => number
  #newest: string | undefined
  #before: string | undefined
  #changedAt = 0

  /** `now` gives milliseconds on a clock that never goes back. */
  constructor(token: string, now: () => number = () => performance.now()) {
    this.#newest = token
    this.#now = now
  }

  /** Goes on with another token, or with none from now on. */
  turnTo(token: string | undefined): void {
    if (token === this.#newest) return
    this.#before = token === undefined ? undefined : this.#newest
    this.#newest = token
    this.#changedAt = this.#now()
  }

  /** The tokens that open this node now. */
  accepted(): readonly string[] {
    const isOverlap = this.#now() - this.#changedAt < OVERLAP_MS
    return [this.#newest, isOverlap ? this.#before : undefined].filter((token) => token !== undefined)
  }
}
