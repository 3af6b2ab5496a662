import { Bitmap } from '../../src/blob/bitmap.ts'
import type { PieceBoard } from '../../src/schedule/piece-board.ts'
import type { Scheduler } from '../../src/schedule/scheduler.ts'
import { SEEDS_ANSWER_MS } from '../../src/swarm/discovery/discovery-seeds.ts'
import { HEARTBEAT_MS, MISSED_HEARTBEATS } from '../../src/swarm/membership/membership-options.ts'
import type { PeerId, PeerInfo } from '../../src/swarm/protocol/peer-info.ts'
import type { HubBudget } from '../../src/transfer/hub/hub-budget.ts'
import { Announcer } from './announcer.ts'
import { type Downloader, Downloads } from './downloads.ts'
import type { Environment } from './environment.ts'
import { Timer } from './event-queue.ts'
import type { Host, News, Watcher } from './host.ts'
import type { Newcomer } from './introduction.ts'
import { type Neighbour, Neighbourhood } from './neighbourhood.ts'
import { Link, type Rack } from './network.ts'

/** Messages that arrive within this time are decided upon together, as they are in one turn of a real event loop. */
const WAKE_MS = 4

/** The other hosts, as one host sees them. */
export interface Surroundings {
  find(id: string): Host | undefined
  /** Takes the host out of discovery: no other host is told of it any more. */
  leave(host: Host): void
}

/** One host: the real Scheduler, and an engine whose bytes are only counted. */
export class SimulatedPeer implements Newcomer, Neighbour, Downloader {
  readonly id: PeerId
  readonly board: PieceBoard
  readonly scheduler: Scheduler
  readonly budget: HubBudget
  readonly up: Link
  readonly down: Link
  readonly latencyMs: number
  readonly downloads: Downloads
  rack: Rack | undefined
  uploads = 0
  startedAt = 0
  finishedAt: number | undefined
  isDead = false
  isSilent = false
  isLiar = false
  onEnd: () => void = () => {}
  readonly #environment: Environment
  readonly #surroundings: Surroundings
  readonly #announcer: Announcer
  readonly #neighbourhood: Neighbourhood
  readonly #wake = new Timer(() => this.pump())

  constructor(environment: Environment, surroundings: Surroundings) {
    const { code, queue, pieceCount, pieceSize, oid } = environment
    this.#environment = environment
    this.#surroundings = surroundings
    this.id = environment.drawId()
    this.up = new Link(environment.linkRate)
    this.down = new Link(environment.linkRate)
    this.latencyMs = environment.between(environment.roundTripMs) / 4
    const have = new Bitmap(pieceCount)
    this.board = new code.PieceBoard({ pieceCount, pieceSize, have, self: this.id, oid })
    this.scheduler = new code.Scheduler(this.board)
    this.budget = new code.HubBudget({ max: code.HUB_CONNECTIONS, clock: () => queue.now })
    this.#announcer = new Announcer(queue, this, environment.watchers)
    this.#neighbourhood = new Neighbourhood(environment, this)
    this.downloads = new Downloads(environment, this)
  }

  /** True when it downloads no more. */
  get hasEnded(): boolean {
    return this.isDead || this.finishedAt !== undefined
  }

  get asksHub(): boolean {
    return !this.hasEnded && !this.isSilent && !this.isLiar
  }

  get pieces(): Bitmap {
    return this.board.have
  }

  start(): void {
    const { queue, code, oid, pieceCount } = this.#environment
    this.startedAt = queue.now
    if (this.isLiar) return
    const ownStart = code.startPiece(this.id, oid, pieceCount)
    this.board.head = ownStart
    queue.after(code.SETTLING_MS, () => {
      if (this.board.head === ownStart) this.board.head = 0
    })
    queue.after(SEEDS_ANSWER_MS, () => this.pump())
    if (this.board.have.isFull) this.finish()
    this.#tick()
  }

  /** Decides and acts, as BlobTransfer does. */
  pump(isTick = false): void {
    const { scheduler, downloads, budget } = this
    const { queue, code, peerSlots } = this.#environment
    if (this.hasEnded || this.isSilent || this.isLiar) return
    downloads.measure(isTick)
    if (isTick) this.#giveUpStalledPeers()
    const actions = scheduler.decide({
      now: queue.now,
      selfAsksHub: true,
      hubSlots: queue.now - this.startedAt < SEEDS_ANSWER_MS ? 0 : budget.free(),
      mostHubConnections: budget.fairShare,
      peerSlots,
      stallMs: code.STALL_MS,
      isTick,
      isLookingForPeers: queue.now - this.startedAt < code.LOOKING_FOR_PEERS_MS,
    })
    for (const { type, lease } of actions) {
      if (type === 'cut') downloads.cut(lease)
      else downloads.start(lease)
    }
    if (actions.length > 0) this.#announcer.changed()
  }

  wakeSoon(): void {
    const { queue } = this.#environment
    if (this.#wake.place < 0 && !this.hasEnded) queue.schedule(this.#wake, queue.now + WAKE_MS)
  }

  landed(piece: number): void {
    this.#announcer.landed(piece)
  }

  /** The blob is whole: serves on, asks no more. */
  finish(): void {
    this.finishedAt = this.#environment.queue.now
    this.downloads.cutAll()
    this.#neighbourhood.close()
    this.#announcer.changed()
    this.onEnd()
  }

  /** Ends like a killed process: the other hosts see its connections break. */
  die(): void {
    if (this.isDead) return
    const hadEnded = this.hasEnded
    this.isDead = true
    this.downloads.cutAll()
    this.#neighbourhood.close()
    this.#leave()
    if (!hadEnded) this.onEnd()
  }

  /** Ends like a host whose cable is pulled: no other host is told, and nothing moves. */
  fallSilent(): void {
    const { network, queue } = this.#environment
    const hadEnded = this.hasEnded
    this.isSilent = true
    network.setCapacity(this.up, 0)
    network.setCapacity(this.down, 0)
    queue.after(MISSED_HEARTBEATS * HEARTBEAT_MS, () => this.#leave())
    if (!hadEnded) this.onEnd()
  }

  shun(id: string): void {
    this.#neighbourhood.shun(id)
  }

  sourceOf(id: string): Host | undefined {
    return this.#neighbourhood.find(id)
  }

  fetchingFromHub(): readonly number[] {
    return this.scheduler.fetchingFromHub()
  }

  addWatcher(watcher: Watcher): boolean {
    return !this.isDead && !this.isSilent && this.#announcer.addWatcher(watcher)
  }

  removeWatcher(watcher: Watcher): void {
    this.#announcer.watchers.delete(watcher)
  }

  meet(members: readonly PeerInfo[]): void {
    this.#neighbourhood.choose(members, (id) => this.#surroundings.find(id), this.rack)
  }

  meetNewcomer(host: Host, known: number): void {
    this.#neighbourhood.meetNewcomer(host, known)
  }

  joined(host: Host): void {
    const { queue, code } = this.#environment
    const peer = this.board.addPeer({
      id: host.id,
      asksHub: !host.isLiar,
      isFar: host.rack !== this.rack,
      progressAt: queue.now,
      msPerPiece: 0,
      slots: code.SLOTS_PER_PEER,
      load: 0,
      rate: 0,
      blockedUntil: 0,
    })
    for (let piece = 0; piece < this.board.pieceCount; piece += 1)
      if (host.isLiar || host.pieces.has(piece)) this.scheduler.peerLanded(peer, piece, queue.now)
    this.scheduler.peerFetches(peer, host.fetchingFromHub(), queue.now)
    this.wakeSoon()
  }

  crowded(host: Host): void {
    // Rules of an older revision know no such hosts.
    if ('addCrowded' in this.board) this.board.addCrowded(host.id)
    this.wakeSoon()
  }

  left(host: Host): void {
    this.downloads.breakFrom(host)
    this.board.removePeer(host.id)
    this.wakeSoon()
  }

  hear(host: Host, { landed, fetching }: News): void {
    const peer = this.board.peers.get(host.id)
    if (!peer) return
    const { now } = this.#environment.queue
    for (const piece of landed) this.scheduler.peerLanded(peer, piece, now)
    if (fetching) this.scheduler.peerFetches(peer, fetching, now)
    this.wakeSoon()
  }

  #leave(): void {
    this.#surroundings.leave(this)
    for (const watcher of this.#announcer.watchers) watcher.lost(this)
  }

  #giveUpStalledPeers(): void {
    const { queue, code } = this.#environment
    for (const id of code.stalledPeers(this.board, queue.now, code.PEER_STALL_MS)) this.shun(id)
  }

  #tick(): void {
    const { queue, code } = this.#environment
    if (this.hasEnded) return
    this.pump(true)
    queue.after(code.TICK_MS, () => this.#tick())
  }
}
