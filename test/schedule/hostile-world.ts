import { Bitmap } from '../../src/blob/bitmap.ts'
import { type PeerFault, PeerStrikes } from '../../src/schedule/peer-strikes.ts'
import { HUB, type Lease, PieceBoard } from '../../src/schedule/piece-board.ts'
import { Scheduler } from '../../src/schedule/scheduler.ts'
import { stalledPeers } from '../../src/schedule/stalled-peers.ts'
import { PEER_SLOTS, PEER_STALL_MS, SLOTS_PER_PEER, STALL_MS, TICK_MS } from '../../src/schedule/tuning.ts'
import { SHUN_MS } from '../../src/swarm/client/swarm-session.ts'
import { HubBudget } from '../../src/transfer/hub/hub-budget.ts'
import { seededRandom } from '../support/random/seeded-random.ts'
import { peerId, sampleOid } from '../swarm/samples.ts'

/** What a peer does that wants to hold a download back, or cannot do better. */
export const habits = [
  /** Claims everything and is always busy. */
  'busy',
  /** Claims everything, takes every request and sends nothing. */
  'silent',
  /** Sends a piece but for its end, which comes byte by byte. */
  'drip',
  /** Sends a piece but for its end, and breaks off; so again and again. */
  'truncating',
  /** Sends right bytes at `slowRate`. */
  'slow',
  /** Says each second, in ever new words, that it fetches everything. */
  'claim',
  /** Says that it shares the work at the Hub, and each half second that it begins another piece. */
  'owner',
  /** Says that it shares the work at the Hub, and has no room for one more that hears its news. */
  'crowded',
  /** Claims everything, has nothing when asked, and claims it again. */
  'forgetful',
  /** Breaks every connection after a few bytes. */
  'breaking',
  /** Sends quickly for a while, then nothing any more. */
  'dying',
] as const
export type Habit = (typeof habits)[number]

/** Rates in bytes per ms, times in ms. */
export interface HostileOptions {
  readonly seed: number
  readonly pieces: number
  /** What one connection to the Hub gives, and all together. */
  readonly connectionRate: number
  readonly hubRate: number
  readonly hubDelayMs: number
  readonly slowRate: number
  readonly peers: readonly Habit[]
  /** A peer that is left alone comes back under another name. */
  readonly renames: boolean
  /** So many of the first connections to the Hub bring so many bytes, and then one each 300 ms. @default none */
  readonly hubDrips?: { readonly count: number; readonly after: number }
  /** To how many transfers before peers brought nothing. @default 0 */
  readonly wariness?: number
}

interface Running {
  readonly lease: Lease
  readonly opensAt: number
  /** What the connection brings before it drips. */
  readonly bytesBeforeDrip: number
  readonly release: () => void
}

/** How a request to a peer ends at once. */
const faults: { readonly [habit in Habit]?: PeerFault } = {
  busy: 'busy',
  forgetful: 'not here',
  breaking: 'broken',
}

const oid = sampleOid()
const PIECE_SIZE = 2 ** 20
const STEP_MS = 20
const QUICK_RATE = 20_000
const DIES_AT_MS = 1_500
const DRIP_MS = 300
/** How much of a piece is held back. */
const HELD_BACK = 300

/** One honest downloader in virtual time, between a Hub that works and peers that do their worst. */
export class HostileWorld {
  readonly board: PieceBoard
  readonly scheduler: Scheduler
  readonly #options: HostileOptions
  readonly #random: () => number
  readonly #budget: HubBudget
  readonly #habits = new Map<string, Habit>()
  readonly #running = new Map<Lease, Running>()
  /** Bytes from the Hub with which the next request to it goes on, as in the engine. */
  readonly #prefixes = new Map<number, number>()
  readonly #strikes = new PeerStrikes()
  #lastName = 0
  #hubConnections = 0
  #now = 0

  constructor(options: HostileOptions) {
    this.#options = options
    this.#random = seededRandom(options.seed)
    this.#budget = new HubBudget({ max: 16, clock: () => this.#now })
    this.board = new PieceBoard({
      pieceCount: options.pieces,
      pieceSize: PIECE_SIZE,
      have: new Bitmap(options.pieces),
      self: peerId(0),
      oid,
    })
    this.scheduler = new Scheduler(this.board, options.wariness)
    for (const habit of options.peers) this.#enter(habit)
  }

  /** Virtual ms until the blob is here; undefined when that takes longer than `limitMs`. */
  run(limitMs: number): number | undefined {
    for (this.#now = 0; this.#now <= limitMs; this.#now += STEP_MS) {
      if (this.#now % TICK_MS === 0) this.#tick()
      for (const running of [...this.#running.values()]) this.#advance(running)
      if (this.board.have.isFull) return this.#now
    }
    return undefined
  }

  #enter(habit: Habit): void {
    this.#lastName += 1
    const id = peerId(this.#lastName)
    this.#habits.set(id, habit)
    if (habit === 'crowded') {
      this.board.addCrowded(id)
      return
    }
    const view = this.board.addPeer({
      id,
      asksHub: habit === 'owner' || habit === 'claim',
      progressAt: this.#now,
      msPerPiece: 0,
      slots: SLOTS_PER_PEER,
      load: 0,
      rate: 0,
      blockedUntil: 0,
    })
    if (habit === 'owner' || habit === 'claim') return
    for (let piece = 0; piece < this.#options.pieces; piece += 1)
      this.scheduler.peerLanded(view, piece, this.#now)
  }

  #tick(): void {
    for (const [id, habit] of this.#habits) this.#speak(id, habit)
    for (const id of stalledPeers(this.board, this.#now, PEER_STALL_MS)) this.#shun(id)
    this.#pump(true)
  }

  /** What a peer says at this moment. */
  #speak(id: string, habit: Habit): void {
    const view = this.board.peers.get(id)
    if (!view) return
    const { pieces } = this.#options
    if (habit === 'owner' && this.#now % 400 === 0)
      this.scheduler.peerFetches(view, [Math.floor(this.#random() * pieces)], this.#now)
    if (habit === 'claim' && this.#now % 1_000 === 0) {
      this.scheduler.peerFetches(view, [], this.#now)
      this.scheduler.peerFetches(
        view,
        Array.from({ length: pieces }, (_, piece) => piece),
        this.#now,
      )
    }
    if (habit === 'forgetful' && this.#now % 1_000 === 0)
      for (let piece = 0; piece < pieces; piece += 1) this.scheduler.peerLanded(view, piece, this.#now)
  }

  #shun(id: string): void {
    const habit = this.#habits.get(id)
    for (const { lease } of [...this.#running.values()]) if (lease.source === id) this.#end(lease)
    this.board.removePeer(id)
    this.#habits.delete(id)
    if (habit === undefined) return
    const returnsAt = this.#now + (this.#options.renames ? TICK_MS : SHUN_MS)
    this.#returning.push({ habit, returnsAt })
  }

  readonly #returning: { habit: Habit; returnsAt: number }[] = []

  #pump(isTick = false): void {
    for (const [at, { habit, returnsAt }] of [...this.#returning.entries()].reverse()) {
      if (returnsAt > this.#now) continue
      this.#returning.splice(at, 1)
      this.#enter(habit)
    }
    const actions = this.scheduler.decide({
      now: this.#now,
      selfAsksHub: true,
      hubSlots: this.#budget.free(),
      mostHubConnections: this.#budget.fairShare,
      peerSlots: PEER_SLOTS,
      stallMs: STALL_MS,
      isTick,
    })
    for (const { type, lease } of actions) {
      if (type === 'cut') this.#end(lease)
      else this.#start(lease)
    }
  }

  #start(lease: Lease): void {
    const isHub = lease.source === HUB
    const prefix = this.#prefixes.get(lease.at) ?? 0
    this.#prefixes.delete(lease.at)
    if (isHub) lease.bytes = prefix
    else this.scheduler.lost(HUB, prefix)
    if (isHub) this.#hubConnections += 1
    const { count, after } = this.#options.hubDrips ?? { count: 0, after: 0 }
    const drips = isHub && this.#hubConnections <= count
    this.#running.set(lease, {
      lease,
      opensAt: this.#now + (isHub ? this.#options.hubDelayMs : STEP_MS),
      bytesBeforeDrip: drips ? prefix + after : Number.POSITIVE_INFINITY,
      release: isHub ? this.#budget.acquire() : () => {},
    })
  }

  #advance(running: Running): void {
    const { lease, opensAt } = running
    if (this.#now < opensAt || !this.#running.has(lease)) return
    const isHub = lease.source === HUB
    const habit = this.#habits.get(lease.source)
    const fault = habit && faults[habit]
    if (!isHub && (habit === undefined || fault)) {
      this.#fail(lease, fault ?? 'broken')
      return
    }
    if (habit === 'truncating' && lease.bytes >= PIECE_SIZE - HELD_BACK) {
      this.#fail(lease, 'broken')
      return
    }
    const due = Math.floor(STEP_MS * this.#rateOf(lease, habit))
    const bytes = Math.min(PIECE_SIZE - lease.bytes, this.#dripped(running, due))
    if (bytes > 0) this.scheduler.moved(lease, bytes, this.#now)
    if (isHub) this.#budget.count(bytes)
    if (lease.bytes < PIECE_SIZE) return
    this.scheduler.landed(lease, this.#now - lease.pieceStartedAt)
    if (lease.at >= lease.end) this.#end(lease)
    this.#pump()
  }

  /** What a connection brings of the bytes that are due in this step. */
  #dripped({ lease, bytesBeforeDrip }: Running, due: number): number {
    if (lease.bytes < bytesBeforeDrip) return Math.min(due, bytesBeforeDrip - lease.bytes)
    return this.#now % DRIP_MS < STEP_MS ? 1 : 0
  }

  #rateOf(lease: Lease, habit: Habit | undefined): number {
    if (lease.source === HUB) {
      let open = 0
      for (const running of this.#running.values()) if (running.lease.source === HUB) open += 1
      return Math.min(this.#options.connectionRate, this.#options.hubRate / open)
    }
    if (habit === 'slow') return this.#options.slowRate
    if (habit === 'drip' || habit === 'truncating')
      return lease.bytes < PIECE_SIZE - HELD_BACK
        ? Math.min(QUICK_RATE, (PIECE_SIZE - HELD_BACK - lease.bytes) / STEP_MS)
        : 0.001
    if (habit === 'dying') return this.#now < DIES_AT_MS ? QUICK_RATE : 0
    return 0
  }

  #fail(lease: Lease, fault: PeerFault): void {
    const verdict = this.#strikes.failed(this.board, lease, fault, this.#now)
    this.#end(lease)
    if (verdict) this.#shun(lease.source)
  }

  #end(lease: Lease): void {
    const running = this.#running.get(lease)
    if (!running) return
    this.#running.delete(lease)
    if (lease.source === HUB && lease.bytes > 0) this.#prefixes.set(lease.at, lease.bytes)
    else this.scheduler.lost(lease.source, lease.bytes)
    running.release()
    this.board.endLease(lease)
  }
}
