import { BoundedMap } from '../../base/bounded-map.ts'
import type { Oid } from '../../blob/oid.ts'
import { hubMembers } from '../../schedule/ownership.ts'

/** Blobs whose askers are remembered. */
const MOST_BLOBS = 256

/**
 * The peers that rank highest for each blob among all that have asked for its news: those that share the Hub must hear
 * of each other however many others listen.
 */
export class TopAskers {
  readonly #byBlob = new BoundedMap<Oid, readonly string[]>(MOST_BLOBS)

  /** Notes that a peer asks; true while it is among the top-ranked ones. */
  note(oid: Oid, id: string): boolean {
    const top = hubMembers(oid, [...(this.#byBlob.get(oid) ?? []), id])
    this.#byBlob.set(oid, top)
    return top.includes(id)
  }
}
