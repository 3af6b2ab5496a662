import { Bitmap } from '../../src/blob/bitmap.ts'
import { startPiece } from '../../src/schedule/ownership.ts'
import type { PieceBoard } from '../../src/schedule/piece-board.ts'
import type { Scheduler } from '../../src/schedule/scheduler.ts'
import type { PeerId } from '../../src/swarm/protocol/peer-info.ts'
import { HubBudget } from '../../src/transfer/hub-budget.ts'
import { Announcer } from './announcer.ts'
import { Downloads } from './downloads.ts'
import { Timer } from './event-queue.ts'
import { Link } from './network.ts'
import type { World } from './world.ts'

// These stand in blob-transfer.ts and swarm-follower.ts as well.
const TICK_MS = 200
const SETTLING_MS = 700
const LOOKING_MS = 250
const SLOTS_PER_PEER = 3
const STALL_MS = 10_000
const HUB_CONNECTIONS = 16
/** A peer is gone after this many ms without a word. */
const SILENT_MS = 15_000
/** Messages that arrive within this time are decided upon together. */
const WAKE_MS = 4

/** One host: the real Scheduler, and an engine whose bytes are only counted. */
export class SimulatedPeer {
  readonly id: PeerId
  readonly board: PieceBoard
  readonly scheduler: Scheduler
  readonly budget: HubBudget
  readonly up: Link
  readonly down: Link
  /** From it to the middle of the network. */
  readonly latencyMs: number
  readonly watching = new Map<string, SimulatedPeer>()
  readonly announcer: Announcer
  readonly downloads: Downloads
  /** Ranges that it sends now. */
  uploads = 0
  startedAt = 0
  finishedAt: number | undefined
  isDead = false
  /** Answers nothing from now on. */
  isSilent = false
  /** Claims to have everything and has nothing. */
  isLiar = false
  onEnd: () => void = () => {}
  readonly #world: World
  readonly #banned = new Set<string>()
  readonly #wake = new Timer(() => this.pump())

  constructor(world: World, id: PeerId) {
    this.#world = world
    this.id = id
    const { linkRate, roundTripMs } = world.options
    this.up = new Link(linkRate)
    this.down = new Link(linkRate)
    this.latencyMs = world.between(roundTripMs) / 4
    this.board = new world.options.code.PieceBoard({
      pieceCount: world.pieceCount,
      pieceSize: world.pieceSize,
      have: new Bitmap(world.pieceCount),
      self: id,
      oid: world.oid,
    })
    this.scheduler = new world.options.code.Scheduler(this.board)
    this.budget = new HubBudget({ max: HUB_CONNECTIONS, clock: () => world.queue.now })
    this.budget.join({ wake: () => this.wakeSoon(), yieldOne: () => {} })
    this.announcer = new Announcer(world, this)
    this.downloads = new Downloads(world, this)
  }

  /** True when it downloads no more. */
  get hasEnded(): boolean {
    return this.isDead || this.finishedAt !== undefined
  }

  start(): void {
    const { queue } = this.#world
    this.startedAt = queue.now
    if (this.isLiar) return
    const ownStart = startPiece(this.id, this.#world.oid, this.board.pieceCount)
    this.board.head = ownStart
    queue.after(SETTLING_MS, () => {
      if (this.board.head === ownStart) this.board.head = 0
    })
    if (this.board.have.isFull) this.finish()
    this.#tick()
  }

  /** Decides and acts, as BlobTransfer does. */
  pump(isTick = false): void {
    const { scheduler, downloads } = this
    if (this.hasEnded || this.isSilent || this.isLiar) return
    downloads.measure(isTick)
    const actions = scheduler.decide({
      now: this.#world.queue.now,
      selfAsksHub: true,
      hubSlots: this.budget.free(),
      peerSlots: this.#world.options.peerSlots,
      stallMs: STALL_MS,
      isTick,
      isLookingForPeers: this.#world.queue.now - this.startedAt < LOOKING_MS,
    })
    for (const { type, lease } of actions) {
      if (type === 'cut') downloads.cut(lease)
      else downloads.start(lease)
    }
    if (actions.length > 0) this.announcer.changed()
  }

  wakeSoon(): void {
    const { queue } = this.#world
    if (this.#wake.place < 0 && !this.hasEnded) queue.schedule(this.#wake, queue.now + WAKE_MS)
  }

  /** The blob is whole: serves on, asks no more. */
  finish(): void {
    this.finishedAt = this.#world.queue.now
    this.downloads.cutAll()
    for (const id of [...this.watching.keys()]) this.unwatch(id)
    this.announcer.changed()
    this.onEnd()
  }

  /** Ends like a killed process: the other hosts see its connections break. */
  die(): void {
    if (this.isDead) return
    const hadEnded = this.hasEnded
    this.isDead = true
    this.downloads.cutAll()
    this.#world.introduction.leave(this)
    for (const id of [...this.watching.keys()]) this.unwatch(id)
    for (const watcher of this.announcer.watchers) watcher.unwatch(this.id)
    for (const other of this.#world.peers) other.downloads.breakFrom(this)
    if (!hadEnded) this.onEnd()
  }

  ban(id: string): void {
    this.#banned.add(id)
    this.unwatch(id)
  }

  /** Ends like a host whose cable is pulled: nobody is told, and nothing moves. */
  fallSilent(): void {
    const hadEnded = this.hasEnded
    this.isSilent = true
    this.#world.network.setCapacity(this.up, 0)
    this.#world.network.setCapacity(this.down, 0)
    this.#world.queue.after(SILENT_MS, () => {
      this.#world.introduction.leave(this)
      for (const watcher of this.announcer.watchers) watcher.unwatch(this.id)
    })
    if (!hadEnded) this.onEnd()
  }

  watch(other: SimulatedPeer): void {
    if (this.#banned.has(other.id)) return
    const { now } = this.#world.queue
    this.watching.set(other.id, other)
    other.announcer.addWatcher(this)
    const peer = this.board.addPeer({
      id: other.id,
      asksHub: !other.isLiar,
      progressAt: now,
      msPerPiece: 0,
      slots: SLOTS_PER_PEER,
      load: 0,
      rate: 0,
      blockedUntil: 0,
    })
    for (let piece = 0; piece < this.board.pieceCount; piece += 1)
      if (other.isLiar || other.board.have.has(piece)) this.scheduler.peerLanded(peer, piece, now)
    this.scheduler.peerFetches(peer, other.scheduler.fetchingFromHub(), now)
    this.wakeSoon()
  }

  unwatch(id: string): void {
    const other = this.watching.get(id)
    if (!other) return
    this.watching.delete(id)
    other.announcer.watchers.delete(this)
    this.downloads.breakFrom(other)
    this.board.removePeer(id)
    this.wakeSoon()
  }

  hear(
    other: SimulatedPeer,
    news: { landed: readonly number[]; fetching: readonly number[] | undefined },
  ): void {
    const peer = this.board.peers.get(other.id)
    if (!peer) return
    const { now } = this.#world.queue
    for (const piece of news.landed) this.scheduler.peerLanded(peer, piece, now)
    if (news.fetching) this.scheduler.peerFetches(peer, news.fetching, now)
    this.wakeSoon()
  }

  #tick(): void {
    if (this.hasEnded) return
    this.pump(true)
    this.#world.queue.after(TICK_MS, () => this.#tick())
  }
}
