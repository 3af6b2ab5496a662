import { DfhfError, isAbort } from '../base/errors.ts'
import { Bitmap } from '../blob/bitmap.ts'
import type { Oid } from '../blob/oid.ts'
import { pieceCountOf, pieceSizeOf } from '../blob/pieces.ts'
import type { BlobFile } from './blob-file.ts'
import type { BlobSource } from './blob-source.ts'
import type { BlobSwarm } from './blob-swarm.ts'
import type { HashService } from './hash-service.ts'
import type { HubBudget } from './hub-budget.ts'
import { HubGate } from './hub-gate.ts'
import { LeaseRunner } from './lease-runner.ts'
import { mendBlob } from './mend.ts'
import { HUB, type Lease, PieceBoard } from './piece-board.ts'
import type { RateLimiter } from './rate-limiter.ts'
import { type Action, Scheduler } from './scheduler.ts'
import { SwarmFollower } from './swarm-follower.ts'
import { Tally } from './tally.ts'
import type { BytesBySource, EventSink } from './transfer-event.ts'

const TICK_MS = 200
/** How long peers may show nothing new before a transfer without the Hub is given up. */
const PEERS_PATIENCE_MS = 30_000
/** Ranges from all peers at once: few, so that each is quick and a piece can travel on. The simulator says how few. */
const PEER_SLOTS = 8
/** While it knows nobody yet, a process that has just begun keeps to one request to the Hub for this long. */
const LOOKING_FOR_PEERS_MS = 250

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
  readonly hubGate: HubGate
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
  #isWhole = false

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
    this.hubGate = new HubGate({ hub, budget, random, tally: this.tally, clock: this.#clock })
    this.#runner = new LeaseRunner(this)
  }

  /** Pieces that may be read and served. */
  get pieces(): Bitmap {
    return this.scheduler.board.have
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
    const prefix = this.parts.hashes.follow(file.path, oid, size)
    const onAbort = () => this.fail(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    const offBudget = this.parts.budget.whenFree(() => this.pump())
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
        if ((await prefix.finish()) === oid) break
        await mendBlob(this, this.#stop.signal)
        prefix.restart()
        complete = 0
      }
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
      offBudget()
      offPrefix()
      prefix.close()
      for (const cut of this.#cuts.values()) cut.abort()
      await this.#runner.settle()
    }
  }

  /** Decides and acts. Called whenever anything has changed. */
  pump(isTick = false): void {
    if (this.#stop.signal.aborted || this.#failure !== undefined || this.#isWhole || this.pieces.isFull)
      return
    const actions = this.scheduler.decide({
      now: this.#clock(),
      selfAsksHub: !this.hubGate.isGone,
      hubSlots: this.hubGate.slots,
      peerSlots: PEER_SLOTS,
      isLookingForPeers:
        this.parts.swarm !== undefined && this.#clock() - this.#startedAt < LOOKING_FOR_PEERS_MS,
      stallMs: this.parts.stallMs,
      isTick,
    })
    for (const action of actions) this.#act(action)
    if (actions.length > 0) this.#changed()
  }

  /** Bytes of a lease are in the file. */
  moved(lease: Lease, count: number): void {
    const now = this.#clock()
    this.#movedAt = now
    this.scheduler.moved(lease, count, now)
    if (lease.source === HUB) this.hubGate.moved(count)
    this.tally.add(lease.source === HUB ? 'hub' : 'peers', this.nameOf(lease.source), count)
  }

  /** The piece that a lease was fetching is whole and in the journal. */
  landed(lease: Lease, tookMs: number): void {
    this.origins.set(lease.at, lease.source)
    if (this.scheduler.board.peers.get(lease.source)?.have.isFull) this.vouchedFor.add(lease.at)
    else this.vouchedFor.delete(lease.at)
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

  /** Bytes or claims from the Hub failed. */
  hubFailed(error: DfhfError): void {
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

  /** Takes a wrong piece back, so that it is fetched again. */
  async revoke(piece: number): Promise<void> {
    await this.parts.file.revoke(piece)
    this.pieces.delete(piece)
    this.origins.delete(piece)
    this.tally.lose('peers', this.scheduler.board.pieceSize)
    this.rewritten()
  }

  /** Bytes of a piece that was here have changed. */
  rewritten(): void {
    this.#revision += 1
    this.digests.clear()
    this.#changed()
  }

  /** The server gives no ranges: one plain stream from the first byte replaces all connections. */
  fetchWhole(): void {
    if (this.#isWhole) return
    this.#isWhole = true
    for (const cut of this.#cuts.values()) cut.abort()
    this.#runner.runWhole(this.#stop.signal).then(
      () => this.#wake(),
      (error: unknown) => this.fail(error),
    )
  }

  /** Cuts all leases from a source that is gone. */
  cutSource(source: string): void {
    for (const lease of this.scheduler.board.leases.values())
      if (lease.source === source) this.#cuts.get(lease.id)?.abort()
  }

  now(): number {
    return this.#clock()
  }

  #act(action: Action): void {
    const { lease } = action
    if (action.type === 'cut') {
      this.#cuts.get(lease.id)?.abort()
      if (lease.source === HUB && action.reason.startsWith('no bytes')) {
        this.hubFailed(
          new DfhfError('timeout', `no bytes from the hub for ${Math.round(this.parts.stallMs / 1000)} s`, {
            retryable: true,
          }),
        )
      }
      return
    }
    const cut = new AbortController()
    this.#cuts.set(lease.id, cut)
    this.#runner.start(lease, AbortSignal.any([cut.signal, this.#stop.signal]))
  }

  /** Follows the swarm; the Hub's bytes wait for the moment that peers need to say what they have. */
  #enter(swarm: BlobSwarm): void {
    new SwarmFollower(this, swarm).start(this.#stop.signal)
    this.hubGate.holdUntil(swarm.introduced(), () => this.pump())
  }

  #tick(): void {
    this.#runner.giveUpStalledPeers()
    this.pump(true)
    this.#checkHope()
    let hub = 0
    let peers = 0
    for (const lease of this.scheduler.board.leases.values()) {
      if (lease.source === HUB) hub += 1
      else peers += 1
    }
    this.tally.connections(hub, peers)
    this.tally.wait(this.#clock() - this.#movedAt > 1_500 ? this.#waitReason() : undefined)
  }

  #waitReason(): string {
    if (this.hubGate.pauseReason !== undefined) return this.hubGate.pauseReason
    const seconds = Math.floor((this.#clock() - this.#movedAt) / 1000)
    const active = this.scheduler.board.leases.size
    return active > 0
      ? `no bytes for ${seconds} s on ${active} connections`
      : `waiting for peers for ${seconds} s`
  }

  /** Gives up when neither the Hub nor any peer can be expected to bring the rest. */
  #checkHope(): void {
    if (!this.hubGate.isGone || this.pieces.isFull) return
    const { peers, leases } = this.scheduler.board
    const now = this.#clock()
    if (peers.size > 0) this.#peersSeenAt = now
    if (leases.size > 0) return
    // Peers that are left alone for a moment are not on the board, and may be back.
    const isHopeful = this.parts.swarm && (now - this.#peersSeenAt < PEERS_PATIENCE_MS || !this.parts.hub)
    const patience = isHopeful ? PEERS_PATIENCE_MS : 0
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
