import { DfhfError, isAbort } from '../base/errors.ts'
import { Bitmap } from '../blob/bitmap.ts'
import type { BlobSource } from '../blob/blob-source.ts'
import type { Oid } from '../blob/oid.ts'
import { pieceCountOf, pieceRange, pieceSizeOf } from '../blob/pieces.ts'
import type { HashService } from '../hash/hash-service.ts'
import { HUB, type Lease, PieceBoard } from '../schedule/piece-board.ts'
import { stalledLeases } from '../schedule/rescue.ts'
import { type Action, Scheduler } from '../schedule/scheduler.ts'
import {
  LOOKING_FOR_PEERS_MS,
  NO_SOURCE_MS,
  PEER_SLOTS,
  STANDSTILL_TOLD_MS,
  TICK_MS,
  WORTH_GOING_ON_BYTES,
} from '../schedule/tuning.ts'
import { waitReason } from '../schedule/wait-reason.ts'
import type { BlobSwarm } from '../swarm/client/blob-swarm.ts'
import type { BlobFile } from './blob-file.ts'
import type { HubBudget } from './hub-budget.ts'
import { HubGate } from './hub-gate.ts'
import type { HubSeat } from './hub-seat.ts'
import { LeaseRunner } from './lease-runner.ts'
import { Mender } from './mend.ts'
import { PieceWriters } from './piece-writers.ts'
import type { RateLimiter } from './rate-limiter.ts'
import { SwarmFollower } from './swarm-follower.ts'
import { Tally } from './tally.ts'
import type { BytesBySource, EventSink } from './transfer-event.ts'

/**
 * `fetching` while pieces are missing; `checking` from the last piece on, when nothing may write any more;
 * `repairing` while wrong pieces are looked for.
 */
type Phase = 'fetching' | 'checking' | 'repairing'

/** What a transfer is made of. */
export interface TransferParts {
  readonly oid: Oid
  readonly size: number
  /** Where the bytes go; open, and closed by its owner. */
  readonly file: BlobFile
  /** Absent where only peers may be asked. */
  readonly hub?: BlobSource | undefined
  readonly swarm?: BlobSwarm | undefined
  readonly budget: HubBudget
  readonly hashes: HashService
  readonly limiter: RateLimiter
  /** No bytes for this long, and a range is cut and asked for again. */
  readonly stallMs: number
  /** The file's number in events. */
  readonly id: number
  readonly report: EventSink
  readonly clock?: () => number
  readonly random?: () => number
}

/** What a finished transfer has cost. */
export interface TransferCost {
  readonly bytes: BytesBySource
  readonly pieces: number
  readonly retries: number
  readonly ms: number
}

/**
 * Brings one blob whole and checked into its file. It asks the scheduler what to do, does it, and tells the
 * scheduler what came of it; whoever reads or serves the blob meanwhile subscribes to its pieces.
 */
export class BlobTransfer {
  readonly parts: TransferParts
  readonly scheduler: Scheduler
  readonly tally: Tally
  /** Which source gave each piece that is here; pieces of an earlier run have none. */
  readonly origins = new Map<number, string>()
  /** Pieces from peers that claimed to have the whole blob, and so to have checked it, when they sent them. */
  readonly vouchedFor = new Set<number>()
  /** Digests of pieces that were checked when they came; void when `revision` grows. */
  readonly digests = new Map<number, string>()
  readonly seat: HubSeat
  readonly hubGate: HubGate
  readonly writers: PieceWriters
  readonly #runner: LeaseRunner
  readonly #clock: () => number
  readonly #cuts = new Map<number, AbortController>()
  readonly #listeners = new Set<() => void>()
  readonly #stop = new AbortController()
  #wake: () => void = () => {}
  #failure: unknown
  #revision = 0
  readonly #startedAt: number
  #movedAt: number
  #peersSeenAt = Number.NEGATIVE_INFINITY
  #phase: Phase = 'fetching'
  #isWhole = false
  /** Peers that sent wrong bytes of this blob, or may have: none of it is taken from them again. */
  readonly #excluded = new Set<string>()
  /** Wrong bytes came from peers: what is missing now comes from the Hub alone. */
  #trustsHubAlone = false

  constructor(parts: TransferParts) {
    this.parts = parts
    this.#clock = parts.clock ?? (() => performance.now())
    this.#startedAt = this.#clock()
    this.#movedAt = this.#startedAt
    const have = new Bitmap(pieceCountOf(parts.size))
    for (const piece of parts.file.pieces) have.add(piece)
    const board = new PieceBoard({
      pieceCount: have.size,
      pieceSize: pieceSizeOf(parts.size),
      have,
      self: parts.swarm?.selfId ?? 'self',
      oid: parts.oid,
    })
    this.scheduler = new Scheduler(board)
    this.tally = new Tally(parts.id, parts.report)
    const { hub, budget, random = Math.random } = parts
    this.seat = budget.join({ wake: () => this.pump(), yieldOne: () => this.#yieldOne() })
    const { seat, tally } = this
    this.hubGate = new HubGate({ hub, budget, seat, random, tally, clock: this.#clock })
    this.writers = new PieceWriters(parts.file, (length) => this.lost(HUB, length))
    this.#runner = new LeaseRunner(this)
  }

  /** Pieces that may be read and served. */
  get pieces(): Bitmap {
    return this.scheduler.board.have
  }

  /** True once the server has turned out to give no ranges: it sends one stream from the first byte. */
  get isWhole(): boolean {
    return this.#isWhole
  }

  /** Grows whenever bytes that were here turned out to be wrong: what is remembered of them is void. */
  get revision(): number {
    return this.#revision
  }

  /** Calls `listener` after each change of pieces or of what is being fetched, until the returned function is called. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Fetches first what lies at and behind `piece`, because somebody reads there. */
  moveHead(piece: number): void {
    this.scheduler.board.head = Math.max(0, Math.min(piece, this.pieces.size - 1))
    this.pump()
  }

  /** Fetches and checks the blob. Throws the first error that cannot be helped; what is verified stays. */
  async run(signal: AbortSignal): Promise<TransferCost> {
    const { file, oid, size } = this.parts
    const { board } = this.scheduler
    const mender = new Mender(this)
    const prefix = this.parts.hashes.follow(file.path, oid, size)
    const onAbort = () => this.fail(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    const tick = setInterval(() => this.#tick(), TICK_MS)
    let complete = 0
    const followPrefix = () => {
      const before = complete
      complete = board.have.firstMissing(complete)
      if (complete > before) prefix.advance(Math.min(size, complete * board.pieceSize))
    }
    const offPrefix = this.subscribe(followPrefix)
    if (this.parts.swarm) this.#enter(this.parts.swarm)
    try {
      signal.throwIfAborted()
      followPrefix()
      for (;;) {
        await this.#untilFull()
        await this.#stopWriting()
        if ((await prefix.finish()) === oid) break
        this.#phase = 'repairing'
        await mender.findWrongPieces(this.#stop.signal)
        this.writers.reopen()
        this.#phase = 'fetching'
        if (this.#isWhole) this.#streamWhole()
        prefix.restart()
        complete = 0
        followPrefix()
      }
      await mender.blame()
      return {
        bytes: this.tally.bytes,
        pieces: board.pieceCount,
        retries: this.tally.retries,
        ms: this.#clock() - this.#startedAt,
      }
    } finally {
      this.#stop.abort()
      clearInterval(tick)
      signal.removeEventListener('abort', onAbort)
      offPrefix()
      prefix.close()
      for (const cut of this.#cuts.values()) cut.abort()
      await this.#runner.settle()
      this.seat.leave()
      await this.writers.close()
    }
  }

  /** Decides and acts. Called whenever anything has changed. */
  pump(isTick = false): void {
    if (this.#stop.signal.aborted || this.#failure !== undefined || this.#isWhole) return
    if (this.#phase !== 'fetching' || this.pieces.isFull) return
    const actions = this.scheduler.decide({
      now: this.#clock(),
      selfAsksHub: !this.hubGate.isGone,
      hubSlots: this.hubGate.slots,
      peerSlots: this.#trustsHubAlone ? 0 : PEER_SLOTS,
      trustsHubAlone: this.#trustsHubAlone,
      mostHubConnections: this.parts.budget.fairShare,
      isLookingForPeers:
        this.parts.swarm !== undefined && this.#clock() - this.#startedAt < LOOKING_FOR_PEERS_MS,
      stallMs: this.parts.stallMs,
      isTick,
    })
    for (const action of actions) this.#act(action)
    if (actions.length > 0) this.#changed()
    else if (this.scheduler.board.leases.size === 0 && this.hubGate.state === 'full') this.seat.starve()
  }

  /** The pieces go on from where the connection is cut: what came of them stays. */
  #yieldOne(): void {
    const last = [...this.scheduler.board.leases.values()].findLast(({ source }) => source === HUB)
    if (last) this.#cut(last)
  }

  /** Bytes of a lease are in the file. */
  moved(lease: Lease, count: number): void {
    const now = this.#clock()
    this.#movedAt = now
    this.scheduler.moved(lease, count, now)
    if (lease.source === HUB) this.hubGate.moved(count)
    this.tally.add(lease.source === HUB ? 'hub' : 'peers', this.nameOf(lease.source), count)
  }

  /** Bytes that had arrived are worth nothing: they count as cost, but no longer as progress. */
  lost(source: string, count: number): void {
    if (count <= 0) return
    this.scheduler.lost(source, count)
    this.tally.lose(source === HUB ? 'hub' : 'peers', count)
  }

  /** The piece that a lease was fetching is whole and in the journal; `isNew` where this lease put it there. */
  landed(lease: Lease, { tookMs, isNew }: { readonly tookMs: number; readonly isNew: boolean }): void {
    if (isNew) {
      this.origins.set(lease.at, lease.source)
      if (this.scheduler.board.peers.get(lease.source)?.have.isFull) this.vouchedFor.add(lease.at)
      else this.vouchedFor.delete(lease.at)
      if (lease.source === HUB) this.hubGate.progressed()
    }
    this.scheduler.landed(lease, tookMs)
    this.#changed()
    if (this.pieces.isFull) this.#wake()
    else this.pump()
  }

  /** A lease ended without an error, or was cut. */
  ended(lease: Lease): void {
    this.#cuts.delete(lease.id)
    this.scheduler.board.endLease(lease)
    this.pump()
  }

  /** A request to the Hub failed. */
  hubFailed(error: DfhfError, lease: Lease): void {
    const gained = lease.bytes - (lease.at === lease.start ? lease.prefix : 0)
    if (gained >= WORTH_GOING_ON_BYTES && !this.#isWhole) this.hubGate.progressed()
    if (this.hubGate.failed(error)) this.#checkHope()
  }

  /** Ends the transfer with an error. */
  fail(error: unknown): void {
    this.#failure ??= error
    this.#wake()
  }

  nameOf(source: string): string {
    return source === HUB ? HUB : (this.parts.swarm?.nameOf(source) ?? source)
  }

  /** Takes pieces back that are or may be wrong, so that they are fetched again. */
  async revoke(pieces: Iterable<number>): Promise<void> {
    for (const piece of pieces) {
      const { start, end } = pieceRange(this.parts.size, piece)
      await this.parts.file.revoke(piece)
      this.pieces.delete(piece)
      this.tally.lose(this.origins.get(piece) === undefined ? 'local' : 'peers', end - start)
      this.origins.delete(piece)
    }
    this.#rewritten()
  }

  /** Takes nothing of this blob from a peer any more. */
  exclude(peerId: string): void {
    this.#excluded.add(peerId)
    this.cutSource(peerId)
    this.scheduler.board.removePeer(peerId)
  }

  isExcluded(peerId: string): boolean {
    return this.#excluded.has(peerId)
  }

  /** From now on what is missing comes from the Hub alone, where it may be asked. */
  trustHubAlone(): void {
    this.#trustsHubAlone = !this.hubGate.isGone
  }

  /** Bytes of a piece that was here have changed. */
  #rewritten(): void {
    this.#revision += 1
    this.digests.clear()
    this.#changed()
  }

  /** The server gives no ranges: one plain stream from the first byte replaces all connections. */
  fetchWhole(): void {
    if (this.#isWhole) return
    this.becomeWhole()
    for (const lease of this.scheduler.board.leases.values()) this.#cut(lease)
    this.#streamWhole()
  }

  /** From now on all that is missing comes in one stream. */
  becomeWhole(): void {
    this.#isWhole = true
  }

  #streamWhole(): void {
    this.#runner
      .runWhole((lease) => this.#signalFor(lease), this.#stop.signal)
      .then(
        () => this.#wake(),
        (error: unknown) => this.fail(error),
      )
  }

  /** Cuts all leases from a source that is gone. */
  cutSource(source: string): void {
    for (const lease of this.scheduler.board.leases.values()) if (lease.source === source) this.#cut(lease)
  }

  now(): number {
    return this.#clock()
  }

  #act(action: Action): void {
    const { lease } = action
    if (action.type === 'fetch') this.#runner.start(lease, this.#signalFor(lease))
    else {
      this.#cut(lease)
      if (lease.source === HUB && action.reason === 'stalled') this.#hubStalled(lease)
    }
  }

  #hubStalled(lease: Lease): void {
    const seconds = Math.round(this.parts.stallMs / 1000)
    const error = new DfhfError('timeout', `no bytes from the hub for ${seconds} s`, { retryable: true })
    this.hubFailed(error, lease)
  }

  /** Ends when the lease is cut, or with the transfer. */
  #signalFor(lease: Lease): AbortSignal {
    const cut = new AbortController()
    this.#cuts.set(lease.id, cut)
    return AbortSignal.any([cut.signal, this.#stop.signal])
  }

  #cut(lease: Lease): void {
    this.#runner.cut(lease)
    this.#cuts.get(lease.id)?.abort()
  }

  /** Ends all leases, and resolves when no byte of theirs is on its way to the disk: what is checked next stays as it is. */
  async #stopWriting(): Promise<void> {
    this.#phase = 'checking'
    for (const lease of this.scheduler.board.leases.values()) this.#cut(lease)
    await this.writers.close()
  }

  /** Follows the swarm; the Hub's bytes wait for the moment that peers need to say what they have. */
  #enter(swarm: BlobSwarm): void {
    new SwarmFollower(this, swarm).start(this.#stop.signal)
    this.hubGate.holdUntil(swarm.introduced(), () => this.pump())
  }

  #tick(): void {
    this.#runner.giveUpStalledPeers()
    this.pump(true)
    if (this.#isWhole) this.#cutStalledStream()
    this.#checkHope()
    let hub = 0
    let peers = 0
    for (const lease of this.scheduler.board.leases.values()) {
      if (lease.source === HUB) hub += 1
      else peers += 1
    }
    this.tally.connections(hub, peers)
    this.tally.wait(this.#clock() - this.#movedAt > STANDSTILL_TOLD_MS ? this.#waitReason() : undefined)
  }

  #cutStalledStream(): void {
    for (const lease of stalledLeases(this.scheduler.board, this.#clock(), this.parts.stallMs)) {
      this.#cut(lease)
      this.#hubStalled(lease)
    }
  }

  #waitReason(): string {
    const { state, pauseReason } = this.hubGate
    const leases = [...this.scheduler.board.leases.values()]
    return waitReason({
      seconds: Math.floor((this.#clock() - this.#movedAt) / 1000),
      phase: this.#phase,
      connections: leases.length,
      isHeldByLimit: leases.every(({ isHeld }) => isHeld),
      pauseReason,
      hub: state === 'paused' ? 'open' : state,
      hasSwarm: this.parts.swarm !== undefined,
    })
  }

  /** Gives up when neither the Hub nor any peer can be expected to bring the rest. */
  #checkHope(): void {
    if (!this.hubGate.isGone || this.pieces.isFull) return
    const { peers, leases } = this.scheduler.board
    const now = this.#clock()
    if (peers.size > 0) this.#peersSeenAt = now
    if (leases.size > 0) return
    // Peers that are left alone for a moment are not on the board, and may be back.
    const isHopeful = this.parts.swarm && (now - this.#peersSeenAt < NO_SOURCE_MS || !this.parts.hub)
    const patience = isHopeful ? NO_SOURCE_MS : 0
    const progressAt = Math.max(this.#movedAt, ...[...peers.values()].map((peer) => peer.progressAt))
    if (now - progressAt < patience) return
    this.fail(
      this.hubGate.finalError ??
        new DfhfError('no-source', `no peer has what is missing of blob ${this.parts.oid.slice(0, 12)}`, {
          hint: 'allow the Hub with --origin auto, or check --seeds',
        }),
    )
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }

  async #untilFull(): Promise<void> {
    this.pump()
    while (!this.pieces.isFull) {
      if (this.#failure !== undefined) throw this.#failure
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        if (this.#failure !== undefined || this.pieces.isFull) resolve()
      })
    }
    if (isAbort(this.#failure)) throw this.#failure
  }
}
