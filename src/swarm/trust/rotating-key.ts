import type { ClusterKey } from './cluster-key.ts'

/**
 * How long after the news of a key a process goes on signing with the one before, in ms: by then the file was replaced on
 * every node, as a kubelet brings a changed Secret within about two minutes.
 */
const SPREAD_MS = 180_000

/**
 * The key of a cluster whose holders get a new one at different moments. For a time each signs with the old key, which
 * all know; then with the new one, which all know by then. Both are accepted until the slowest signs with the new one,
 * so the old key opens this process for six minutes after it was replaced, or until a restart.
 */
export class RotatingKey implements ClusterKey {
  readonly #now: () => number
  #newest: ClusterKey
  #before: ClusterKey | undefined
  #changedAt = 0

  /** `now` gives milliseconds on a clock that never goes back. */
  constructor(key: ClusterKey, now: () => number = () => performance.now()) {
    this.#newest = key
    this.#now = now
  }

  /** Takes a new key in use, as said above. */
  turnTo(key: ClusterKey): void {
    if (key.fingerprint === this.#newest.fingerprint) return
    const signing = this.#signing
    this.#before = signing.fingerprint === key.fingerprint ? undefined : signing
    this.#newest = key
    this.#changedAt = this.#now()
  }

  get fingerprint(): string {
    return this.#signing.fingerprint
  }

  accepted(): readonly ClusterKey[] {
    if (this.#before === undefined || this.#now() - this.#changedAt >= 2 * SPREAD_MS) return [this.#newest]
    const isNewInUse = this.#signing === this.#newest
    return isNewInUse ? [this.#newest, this.#before] : [this.#before, this.#newest]
  }

  sign(text: string): string {
    return this.#signing.sign(text)
  }

  derive(...about: Parameters<ClusterKey['derive']>): Buffer {
    return this.#signing.derive(...about)
  }

  get #signing(): ClusterKey {
    const isSpreading = this.#now() - this.#changedAt < SPREAD_MS
    return (isSpreading ? this.#before : undefined) ?? this.#newest
  }
}
