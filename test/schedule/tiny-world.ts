import { EventQueue } from '../../scripts/simulate/event-queue.ts'
import { Bitmap } from '../../src/blob/bitmap.ts'
import { HUB, type Lease, PieceBoard } from '../../src/schedule/piece-board.ts'
import { type Action, Scheduler } from '../../src/schedule/scheduler.ts'
import { seededRandom } from '../support/random/seeded-random.ts'
import { peerId, sampleOid } from '../swarm/samples.ts'

/** How a tiny world behaves. Times in ms. */
export interface TinyOptions {
  readonly seed: number
  readonly peers: number
  readonly pieces: number
  /** How long a piece takes, at the least and at the most. */
  readonly pieceMs: readonly [number, number]
  /** Until a change is heard by others, at the most. */
  readonly newsMs: number
  /** Peers start, and leave, within this time; all are there from the start when 0. */
  readonly churnMs: number
  /** How many of the peers leave midway, the last ones. */
  readonly leavers: number
  /** Part of the ranges that break or stall, as long as there is churn. */
  readonly faults: number
}

const oid = sampleOid()
const PIECE_SIZE = 2 ** 20
const PARTS = 16

/** One scheduler with hands: no bytes, only times. */
export class TinyPeer {
  readonly scheduler: Scheduler
  readonly board: PieceBoard
  readonly running = new Map<Lease, { isOver: boolean }>()
  readonly heardBy = new Map<TinyPeer, number>()
  isHere = false
  hasBegun = false
  hasLeft = false

  constructor(n: number, pieces: number) {
    this.board = new PieceBoard({
      pieceCount: pieces,
      pieceSize: PIECE_SIZE,
      have: new Bitmap(pieces),
      self: peerId(n),
      oid,
    })
    this.scheduler = new Scheduler(this.board)
  }
}

/** A handful of schedulers in virtual time that talk to each other and to a Hub, with every mishap one can ask for. */
export class TinyWorld {
  readonly queue = new EventQueue()
  readonly peers: TinyPeer[]
  /** How often each piece was asked of the Hub. */
  readonly asked: number[]
  /** Called after each decision, with what was in flight before it. */
  onDecision: (peer: TinyPeer, actions: readonly Action[], before: readonly number[]) => void = () => {}
  readonly #options: TinyOptions
  readonly #random: () => number

  constructor(options: TinyOptions) {
    this.#options = options
    this.#random = seededRandom(options.seed)
    this.asked = Array.from({ length: options.pieces }, () => 0)
    this.peers = Array.from({ length: options.peers }, (_, n) => new TinyPeer(n, options.pieces))
    for (const [n, peer] of this.peers.entries()) {
      this.queue.after(this.#upTo(options.churnMs), () => this.#enter(peer))
      if (n >= options.peers - options.leavers)
        this.queue.after(options.churnMs + this.#upTo(options.churnMs), () => this.#leave(peer))
    }
  }

  /** Lets time pass until all that stay have everything; true unless `limitMs` pass before. */
  run(limitMs: number): boolean {
    const isDone = () => this.peers.every((peer) => peer.hasLeft || (peer.isHere && peer.board.have.isFull))
    while (!isDone()) if (this.queue.now > limitMs || !this.queue.runNext()) return false
    return true
  }

  #enter(peer: TinyPeer): void {
    if (peer.hasLeft) return
    peer.isHere = true
    for (const other of this.peers) {
      if (other === peer || !other.isHere) continue
      this.queue.after(this.#upTo(this.#options.newsMs), () => this.#introduce(peer, other))
      this.queue.after(this.#upTo(this.#options.newsMs), () => this.#introduce(other, peer))
    }
    // The engine waits as long for the first introductions.
    this.queue.after(1, () => this.#tick(peer))
  }

  #leave(peer: TinyPeer): void {
    peer.hasLeft = true
    peer.isHere = false
    for (const other of this.peers)
      this.queue.after(this.#upTo(this.#options.newsMs), () => {
        for (const lease of [...other.running.keys()])
          if (lease.source === peer.board.self) this.#end(other, lease)
        other.board.removePeer(peer.board.self)
        this.#pump(other)
      })
  }

  #introduce(peer: TinyPeer, other: TinyPeer): void {
    if (other.hasLeft) return
    const { now } = this.queue
    const view = peer.board.addPeer({
      id: other.board.self,
      asksHub: true,
      progressAt: now,
      msPerPiece: 0,
      slots: 3,
      load: 0,
      rate: 0,
      blockedUntil: 0,
    })
    for (const piece of other.board.have) peer.scheduler.peerLanded(view, piece, now)
    peer.scheduler.peerFetches(view, other.scheduler.fetchingFromHub(), now)
    this.#pump(peer)
  }

  #tick(peer: TinyPeer): void {
    peer.hasBegun = true
    this.#pump(peer, true)
    if (!peer.hasLeft && !peer.board.have.isFull) this.queue.after(200, () => this.#tick(peer))
  }

  #pump(peer: TinyPeer, isTick = false): void {
    const { board, scheduler } = peer
    if (!peer.isHere || !peer.hasBegun || board.have.isFull) return
    const before = Array.from({ length: board.pieceCount }, (_, piece) => board.inFlight(piece))
    const actions = scheduler.decide({
      now: this.queue.now,
      selfAsksHub: true,
      hubSlots: Math.max(0, 4 - board.hubLeases),
      mostHubConnections: 4,
      peerSlots: 6,
      stallMs: 2_000,
      isTick,
    })
    this.onDecision(peer, actions, before)
    for (const { type, lease } of actions) {
      if (type === 'cut') this.#end(peer, lease)
      else this.#start(peer, lease)
    }
    if (actions.length > 0) this.#announce(peer)
  }

  #start(peer: TinyPeer, lease: Lease): void {
    const run = { isOver: false }
    peer.running.set(lease, run)
    // What is taken back at the same instant, as two had the same thought, costs nothing.
    if (lease.source === HUB) this.queue.after(1, () => run.isOver || this.#count(lease))
    this.#fetch(peer, lease, run)
  }

  #count({ start, end }: Lease): void {
    for (let piece = start; piece < end; piece += 1) this.asked[piece] = (this.asked[piece] ?? 0) + 1
  }

  #fetch(peer: TinyPeer, lease: Lease, run: { isOver: boolean }): void {
    const { pieceMs, churnMs, faults } = this.#options
    const tookMs = pieceMs[0] + this.#upTo(pieceMs[1] - pieceMs[0])
    const isFaulty = this.queue.now < 2 * churnMs && this.#random() < faults
    if (isFaulty && this.#random() < 0.5) return
    // Bytes come in small parts, as from a socket.
    for (let part = 1; part < PARTS; part += 1)
      this.queue.after((tookMs * part) / PARTS, () => {
        if (!run.isOver && !peer.hasLeft) peer.scheduler.moved(lease, PIECE_SIZE / PARTS, this.queue.now)
      })
    this.queue.after(tookMs, () => {
      if (run.isOver || peer.hasLeft) return
      const isThere = lease.source === HUB || this.#find(lease.source)?.board.have.has(lease.at) === true
      if (isFaulty || !isThere) this.#fail(peer, lease, isThere)
      else this.#land(peer, lease, run, tookMs)
    })
  }

  #fail(peer: TinyPeer, lease: Lease, isThere: boolean): void {
    const view = peer.board.peers.get(lease.source)
    if (view && isThere) view.blockedUntil = this.queue.now + 100
    else if (view) peer.board.peerLacks(view, lease.at)
    this.#end(peer, lease)
    this.#pump(peer)
    this.#announce(peer)
  }

  #land(peer: TinyPeer, lease: Lease, run: { isOver: boolean }, tookMs: number): void {
    peer.scheduler.moved(lease, PIECE_SIZE - lease.bytes, this.queue.now)
    peer.scheduler.landed(lease, tookMs)
    if (lease.at < lease.end) this.#fetch(peer, lease, run)
    else this.#end(peer, lease)
    if (peer.board.have.isFull) for (const other of [...peer.running.keys()]) this.#end(peer, other)
    this.#announce(peer)
    this.#pump(peer)
  }

  #end(peer: TinyPeer, lease: Lease): void {
    const run = peer.running.get(lease)
    if (run) run.isOver = true
    if (peer.running.delete(lease)) peer.scheduler.lost(lease.source, lease.bytes)
    peer.board.endLease(lease)
  }

  /** Tells all others, late perhaps, but each of them in the order of events. */
  #announce(peer: TinyPeer): void {
    const have = [...peer.board.have]
    const fetching = peer.scheduler.fetchingFromHub()
    for (const other of this.peers) {
      if (other === peer) continue
      const at = Math.max(peer.heardBy.get(other) ?? 0, this.queue.now + this.#upTo(this.#options.newsMs))
      peer.heardBy.set(other, at)
      this.queue.after(at - this.queue.now, () => {
        const view = other.board.peers.get(peer.board.self)
        if (!view) return
        for (const piece of have) other.scheduler.peerLanded(view, piece, this.queue.now)
        other.scheduler.peerFetches(view, fetching, this.queue.now)
        this.#pump(other)
      })
    }
  }

  #find(id: string): TinyPeer | undefined {
    return this.peers.find((peer) => peer.board.self === id && !peer.hasLeft)
  }

  #upTo(ms: number): number {
    return Math.floor(ms * this.#random())
  }
}
