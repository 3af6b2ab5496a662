import { BoundedMap } from '../base/bounded-map.ts'
import type { Oid } from '../blob/oid.ts'

/** Clients that resume do so within minutes. */
const MEMORY_MS = 10 * 60_000
const MAX_BLOBS = 1_000

/**
 * The blobs of which replies were cut because bytes that had gone out were wrong. A client goes on behind the bytes that
 * it has (curl -C -, huggingface_hub within one call), so for some time the rest of such a blob is not given alone: the
 * whole comes in its place, as RFC 9110 14.2 allows, and the client begins anew. No byte of it goes out before it was
 * checked, or a client would ask for ever for a blob that the Hub itself gives wrong.
 */
export class CutReplies {
  readonly #until = new BoundedMap<Oid, number>(MAX_BLOBS)
  readonly #now: () => number

  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  /** A reply was cut because of wrong bytes. */
  note(oid: Oid): void {
    this.#until.set(oid, this.#now() + MEMORY_MS)
  }

  /** True when a client may hold wrong bytes of the blob. */
  has(oid: Oid): boolean {
    const until = this.#until.get(oid)
    if (until === undefined) return false
    if (until > this.#now()) return true
    this.#until.delete(oid)
    return false
  }
}
