import { Ownership } from './ownership.ts'
import type { PeerView } from './peer-view.ts'
import type { PieceBoard } from './piece-board.ts'
import {
  FAR_STEP_MS,
  LONGEST_FAR_WAIT_MS,
  NEAR_COPY_STEPS,
  QUEUE_STEP_MS,
  TAKERS_PER_COPY,
} from './tuning.ts'

/**
 * The peers that are near, where others are far: what crosses the thinner links between racks or regions should cross
 * once. By rendezvous hashing each piece has one peer of the zone that takes it from afar, the others have it from there;
 * while it does not come they step in one after the other.
 */
export class Zone {
  readonly #board: PieceBoard
  #near: readonly PeerView[] = []
  #ids = ''
  #ranks: Ownership
  readonly #places = new Map<number, number>()
  #hasFar = false

  constructor(board: PieceBoard) {
    this.#board = board
    this.#ranks = new Ownership(board.oid, [])
  }

  /** Looks again at who is near; to be called some times a second. */
  refresh(): void {
    const { oid, peers, self } = this.#board
    const all = [...peers.values()].filter((peer) => peer.have.count > 0 || peer.asksHub)
    this.#near = all.filter(({ isFar }) => !isFar)
    this.#hasFar = this.#near.length < all.length
    const ids = this.#hasFar ? this.#near.map(({ id }) => id).sort() : []
    const key = ids.join()
    if (key === this.#ids) return
    this.#ids = key
    this.#ranks = new Ownership(oid, [self, ...ids])
    this.#places.clear()
  }

  /** True where some peers are near and others far: else all are asked alike. */
  get isDivided(): boolean {
    return this.#hasFar && this.#near.length > 0
  }

  /** Whether to ask this peer for the piece already, or to leave that to other peers of the zone. */
  mayAsk(peer: PeerView, piece: number, now: number): boolean {
    const copies = this.#copies(piece)
    const waitedMs = now - this.#board.availableSince(piece)
    if (peer.isFar) {
      const steps = this.#placeOf(piece) + NEAR_COPY_STEPS * copies
      return waitedMs >= Math.min(LONGEST_FAR_WAIT_MS, steps * FAR_STEP_MS)
    }
    const before = this.#board.jitter(piece) * (this.#near.length - copies)
    return before <= TAKERS_PER_COPY * copies * (1 + waitedMs / QUEUE_STEP_MS)
  }

  #copies(piece: number): number {
    let copies = 0
    for (const peer of this.#near) if (peer.have.has(piece)) copies += 1
    return copies
  }

  #placeOf(piece: number): number {
    const known = this.#places.get(piece)
    if (known !== undefined) return known
    const place = this.#ranks.rank(piece).indexOf(this.#board.self)
    this.#places.set(piece, place)
    return place
  }
}
