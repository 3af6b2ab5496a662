import { Bitmap } from '../blob/bitmap.ts'
import type { Oid } from '../blob/oid.ts'
import { score } from './ownership.ts'
import type { PeerView } from './peer-view.ts'

/** A run of pieces that one connection is fetching now. */
export interface Lease {
  readonly id: number
  /** `hub`, or a peer's id. */
  readonly source: string
  readonly start: number
  /** First piece that is no longer part of it; lowered when another lease takes over the rest while this one runs. */
  end: number
  /** The piece that is arriving now. */
  at: number
  /** Bytes of that piece that are here. */
  bytes: number
  /** Bytes of its first piece that a request before it has left. */
  prefix: number
  readonly startedAt: number
  /** When the piece that is arriving was begun. */
  pieceStartedAt: number
  /** When it last moved on by a few KiB, or landed a piece; the start before that. */
  movedAt: number
  /** When bytes last arrived; undefined before the first. */
  receivedAt: number | undefined
  /** Bytes that have arrived since it last moved on. */
  sinceMove: number
  /** True while what has arrived waits here, for the sake of a rate limit: that is no fault of the source. */
  isHeld: boolean
  /** True when it was begun because peers kept the transfer waiting: nothing that they say ends it. */
  isFirm: boolean
}

/** The source name of the Hub in leases. */
export const HUB = 'hub'

/**
 * All that one peer knows of one blob's transfer: pieces here, pieces on their way, and who has what.
 * Holds state and counts, decides nothing, and knows no clock.
 */
export class PieceBoard {
  readonly pieceCount: number
  readonly pieceSize: number
  readonly self: string
  readonly oid: Oid
  readonly have: Bitmap
  readonly leases = new Map<number, Lease>()
  readonly peers = new Map<string, PeerView>()
  /** Peers that ask the Hub for this blob and have told it, but have no room for one more that hears their news. */
  readonly #crowded = new Set<string>()
  /** Where to begin: at a reader's position, or while peers are still unknown at a place of this peer's own. */
  head = 0
  #lastLease = 0
  #peerChanges = 0
  readonly #inFlight: Uint8Array
  readonly #availability: Uint16Array
  readonly #availableSince: Float64Array
  readonly #claims: Uint16Array
  readonly #jitter: Float32Array
  #hubLeases = 0
  /** Kept up to date piece by piece, as looking through all pieces at every event would be too dear. */
  readonly #reachable = new Set<number>()
  /** 1 for each piece in it: most news changes nothing there, and a set is slow to say so. */
  readonly #isReachable: Uint8Array
  #haveCount: number

  constructor(options: {
    readonly pieceCount: number
    readonly pieceSize: number
    readonly have: Bitmap
    readonly self: string
    readonly oid: Oid
  }) {
    this.pieceCount = options.pieceCount
    this.pieceSize = options.pieceSize
    this.have = options.have
    this.self = options.self
    this.oid = options.oid
    this.#inFlight = new Uint8Array(options.pieceCount)
    this.#availability = new Uint16Array(options.pieceCount)
    this.#availableSince = new Float64Array(options.pieceCount)
    this.#claims = new Uint16Array(options.pieceCount)
    this.#isReachable = new Uint8Array(options.pieceCount)
    this.#haveCount = options.have.count
    this.#jitter = Float32Array.from(
      { length: options.pieceCount },
      (_, piece) => (score(options.self, options.oid, piece) % 65_536) / 65_536,
    )
  }

  /** True when the piece is neither here nor on its way. */
  isFree(piece: number): boolean {
    return this.#inFlight[piece] === 0 && !this.have.has(piece)
  }

  /** On how many connections the piece is on its way to this peer. */
  inFlight(piece: number): number {
    return this.#inFlight[piece] ?? 0
  }

  /** How many peers have the piece. */
  availability(piece: number): number {
    return this.#availability[piece] ?? 0
  }

  /** How many peers are fetching the piece from the Hub. */
  claims(piece: number): number {
    return this.#claims[piece] ?? 0
  }

  /** Pieces that are free and that some peer has, in no particular order. */
  get reachable(): ReadonlySet<number> {
    // Piece repair takes wrong pieces out of `have` without telling the board.
    if (this.have.count !== this.#haveCount) {
      this.#haveCount = this.have.count
      for (let piece = 0; piece < this.pieceCount; piece += 1) this.#file(piece)
    }
    return this.#reachable
  }

  /** The n-th piece in this peer's own order, which begins at `head` and wraps round. */
  inOrder(n: number): number {
    return (this.head + n) % this.pieceCount
  }

  /** Where a piece stands in this peer's own order, see `inOrder`. */
  placeOf(piece: number): number {
    return (piece - this.head + this.pieceCount) % this.pieceCount
  }

  /** A number from 0 up to 1 that is this peer's own for each piece, and always the same. */
  jitter(piece: number): number {
    return this.#jitter[piece] ?? 0
  }

  /** Grows with every peer that comes or goes. */
  get peerChanges(): number {
    return this.#peerChanges
  }

  /** The peers that ask the Hub and whose news does not come here. */
  get crowded(): ReadonlySet<string> {
    return this.#crowded
  }

  /** Notes that a peer asks the Hub, though its news does not come here. */
  addCrowded(id: string): void {
    if (this.#crowded.has(id) || this.peers.has(id)) return
    this.#crowded.add(id)
    this.#peerChanges += 1
  }

  addPeer(peer: Omit<PeerView, 'have' | 'fetching' | 'claimedAt' | 'active'>): PeerView {
    this.removePeer(peer.id)
    const view: PeerView = {
      ...peer,
      have: new Bitmap(this.pieceCount),
      fetching: new Map(),
      claimedAt: new Map(),
      active: 0,
    }
    for (const lease of this.leases.values()) if (lease.source === peer.id) view.active += 1
    this.peers.set(peer.id, view)
    this.#peerChanges += 1
    return view
  }

  removePeer(id: string): void {
    if (this.#crowded.delete(id)) this.#peerChanges += 1
    const peer = this.peers.get(id)
    if (!peer) return
    for (const piece of peer.have) this.#count(piece, -1)
    this.peerFetches(peer, new Map())
    this.peers.delete(id)
    this.#peerChanges += 1
  }

  /** When the first peer that has the piece said so; meaningless while no peer has it. */
  availableSince(piece: number): number {
    return this.#availableSince[piece] ?? 0
  }

  /** Notes that a peer has a piece; true when that is news. */
  peerHas(peer: PeerView, piece: number, now: number): boolean {
    if (peer.have.has(piece)) return false
    peer.have.add(piece)
    if (this.availability(piece) === 0) this.#availableSince[piece] = now
    this.#count(piece, 1)
    return true
  }

  /** Notes that a peer lacks a piece that it claimed. */
  peerLacks(peer: PeerView, piece: number): void {
    if (!peer.have.has(piece)) return
    peer.have.delete(piece)
    this.#count(piece, -1)
  }

  /** Notes what a peer is fetching from the Hub now, and since when. */
  peerFetches(peer: PeerView, fetching: ReadonlyMap<number, number>): void {
    for (const piece of peer.fetching.keys()) this.#claims[piece] = this.claims(piece) - 1
    for (const piece of fetching.keys()) this.#claims[piece] = this.claims(piece) + 1
    peer.fetching = fetching
  }

  startLease(source: string, start: number, end: number, now: number): Lease {
    this.#lastLease += 1
    const lease: Lease = {
      id: this.#lastLease,
      source,
      start,
      end,
      at: start,
      bytes: 0,
      prefix: 0,
      startedAt: now,
      pieceStartedAt: now,
      movedAt: now,
      receivedAt: undefined,
      sinceMove: 0,
      isHeld: false,
      isFirm: false,
    }
    this.leases.set(lease.id, lease)
    this.#countLease(source, 1)
    for (let piece = start; piece < end; piece += 1) this.#addFlight(piece, 1)
    return lease
  }

  /** Gives up the pieces of a lease from `end` on; one that ends before keeps its end. */
  shrinkLease(lease: Lease, end: number): void {
    const last = Math.min(lease.end, Math.max(end, lease.at))
    for (let piece = last; piece < lease.end; piece += 1) this.#addFlight(piece, -1)
    lease.end = last
  }

  /** The piece that a lease was fetching is in the file. */
  landPiece(lease: Lease): void {
    const piece = lease.at
    if (!this.have.has(piece)) {
      this.have.add(piece)
      this.#haveCount += 1
    }
    // A lease that was ended while its piece was put down as here no longer counts as one on its way.
    if (this.leases.has(lease.id)) this.#addFlight(piece, -1)
    else this.#file(piece)
    lease.at += 1
    lease.bytes = 0
  }

  /** Forgets a lease; what it did not land is free again. */
  endLease(lease: Lease): void {
    if (!this.leases.delete(lease.id)) return
    this.#countLease(lease.source, -1)
    for (let piece = lease.at; piece < lease.end; piece += 1) this.#addFlight(piece, -1)
  }

  /** How many pieces are neither here nor on their way. */
  get freeCount(): number {
    let count = 0
    for (let piece = 0; piece < this.pieceCount; piece += 1) if (this.isFree(piece)) count += 1
    return count
  }

  /** How many requests run for pieces that another one is fetching as well. */
  get duplicateCount(): number {
    let count = 0
    for (const lease of this.leases.values()) if (this.inFlight(lease.at) > 1) count += 1
    return Math.ceil(count / 2)
  }

  /** How many leases the Hub serves now; those of a peer stand in its view. */
  get hubLeases(): number {
    return this.#hubLeases
  }

  #countLease(source: string, change: number): void {
    const peer = this.peers.get(source)
    if (source === HUB) this.#hubLeases += change
    else if (peer) peer.active += change
  }

  #addFlight(piece: number, change: number): void {
    this.#inFlight[piece] = (this.#inFlight[piece] ?? 0) + change
    this.#file(piece)
  }

  #count(piece: number, change: number): void {
    this.#availability[piece] = (this.#availability[piece] ?? 0) + change
    this.#file(piece)
  }

  #file(piece: number): void {
    const isReachable = this.availability(piece) > 0 && this.isFree(piece)
    if (isReachable === (this.#isReachable[piece] === 1)) return
    this.#isReachable[piece] = isReachable ? 1 : 0
    if (isReachable) this.#reachable.add(piece)
    else this.#reachable.delete(piece)
  }
}
