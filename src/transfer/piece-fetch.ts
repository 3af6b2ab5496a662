import { DfhfError, isOfClass } from '../base/errors.ts'
import type { SourceKind } from '../blob/blob-source.ts'
import { pieceSizeOf } from '../blob/pieces.ts'
import { RangeIgnoredError } from '../http/range-request.ts'
import { HUB, type Lease, PieceBoard } from '../schedule/piece-board.ts'
import { stalledLeases } from '../schedule/rescue.ts'
import { type Action, Scheduler } from '../schedule/scheduler.ts'
import { LOOKING_FOR_PEERS_MS, PEER_SLOTS, WORTH_GOING_ON_BYTES } from '../schedule/tuning.ts'
import { HubGate } from './hub-gate.ts'
import type { HubSeat } from './hub-seat.ts'
import { type Landing, type LeaseListener, LeaseRunner } from './lease-runner.ts'
import { PeerFaults } from './peer-faults.ts'
import { PieceWriters } from './piece-writers.ts'
import { ProgressWatch } from './progress-watch.ts'
import { SwarmFollower } from './swarm-follower.ts'
import type { Tally } from './tally.ts'
import type { TransferParts } from './transfer-parts.ts'
import { TransferSources } from './transfer-sources.ts'
import type { TransferState } from './transfer-state.ts'
import { streamWhole } from './whole-stream.ts'

/** What the pieces of one blob are fetched with. */
export interface PieceFetchParts extends TransferParts {
  readonly state: TransferState
  readonly tally: Tally
  readonly now: () => number
}

/**
 * Has the missing pieces of one blob fetched: asks the scheduler what to do, has it done, and tells the scheduler what
 * came of it.
 */
export class PieceFetch {
  readonly writers: PieceWriters
  readonly gate: HubGate
  readonly #parts: PieceFetchParts
  readonly #scheduler: Scheduler
  readonly #seat: HubSeat
  readonly #sources: TransferSources
  readonly #listener: LeaseListener
  readonly #runner: LeaseRunner
  readonly #follower: SwarmFollower | undefined
  readonly #peerFaults: PeerFaults | undefined
  readonly #watch: ProgressWatch
  readonly #startedAt: number
  /** Wrong bytes came from peers: what is missing now comes from the Hub alone. */
  #trustsHubAlone = false

  constructor(parts: PieceFetchParts) {
    const { file, hub, swarm, budget, limiter, hashes, now, state, tally, random = Math.random } = parts
    this.#parts = parts
    this.#startedAt = now()
    const board = new PieceBoard({
      pieceCount: state.pieces.size,
      pieceSize: pieceSizeOf(parts.size),
      have: state.pieces.bitmap,
      self: swarm?.selfId ?? 'self',
      oid: parts.oid,
    })
    const scheduler = new Scheduler(board, parts.isWary)
    this.#scheduler = scheduler
    const seat = budget.join({ wake: () => this.pump(), yieldOne: () => this.#yieldOne() })
    const gate = new HubGate({ hub, budget, seat, random, tally, clock: now })
    const writers = new PieceWriters(file, (length) => this.#lost(HUB, length))
    const sources = new TransferSources({ hub, swarm })
    const listener: LeaseListener = {
      moved: (lease, count) => this.#moved(lease, count),
      lost: (source, count) => this.#lost(source, count),
      landed: (lease, landing) => this.#landed(lease, landing),
      failed: (lease, error) => this.#failed(lease, error),
      ended: (lease) => this.#ended(lease),
    }
    const hubGivesRanges = () => gate.givesRanges
    const { ended: stop } = state
    this.#runner = new LeaseRunner({
      ...{ board, file, writers, sources, seat, limiter, hashes, now, hubGivesRanges, stop, listener },
    })
    const cutSource = (source: string) => this.#runner.cutSource(source)
    const onNews = () => this.pump()
    this.#follower = swarm && new SwarmFollower({ swarm, scheduler, now, cutSource, onNews })
    this.#peerFaults = swarm && new PeerFaults({ board, swarm, tally, now, cutSource })
    this.#watch = new ProgressWatch({
      board,
      gate,
      hasHub: hub !== undefined,
      hasSwarm: swarm !== undefined,
      now,
    })
    this.#seat = seat
    this.gate = gate
    this.writers = writers
    this.#sources = sources
    this.#listener = listener
  }

  /** True once the Hub was asked because peers brought too little. */
  get hasDoubted(): boolean {
    return this.#scheduler.hasDoubted
  }

  /** Pieces on their way from the Hub, as others are told. */
  get fromHub(): readonly number[] {
    return this.#scheduler.fetchingFromHub()
  }

  /** Fetches first what lies at and behind `piece`. */
  moveHead(piece: number): void {
    this.#scheduler.board.head = Math.max(0, Math.min(piece, this.#parts.state.pieces.size - 1))
    this.pump()
  }

  /** Follows the swarm, where there is one; the Hub's bytes wait for the moment that peers need to say what they have. */
  enterSwarm(): void {
    const { swarm, state } = this.#parts
    if (!swarm) return
    this.#follower?.start(state.ended)
    this.gate.holdUntil(swarm.introduced(), () => this.pump())
  }

  /** Decides and acts. Called whenever anything has changed. */
  pump(isTick = false): void {
    const { state, swarm, budget, stallMs, now: clock } = this.#parts
    if (state.phase !== 'fetching' || state.pieces.isFull) return
    const now = clock()
    const actions = this.#scheduler.decide({
      now,
      selfAsksHub: !this.gate.isGone,
      hubSlots: this.gate.slots,
      peerSlots: this.#trustsHubAlone ? 0 : PEER_SLOTS,
      trustsHubAlone: this.#trustsHubAlone,
      mostHubConnections: budget.fairShare,
      isLookingForPeers: swarm !== undefined && now - this.#startedAt < LOOKING_FOR_PEERS_MS,
      stallMs,
      isTick,
    })
    for (const action of actions) this.#act(action)
    if (actions.length > 0) state.pieces.changed()
    else if (this.#scheduler.board.leases.size === 0 && this.gate.state === 'full') this.#seat.starve()
  }

  /** Looks at what time alone changes: sources that stand still, and whether there is hope. Called several times a second. */
  tick(): void {
    const { state, tally } = this.#parts
    const { leases } = this.#scheduler.board
    this.#peerFaults?.giveUpStalled()
    this.pump(true)
    if (state.phase === 'whole') this.#cutStalledStream()
    this.#checkHope()
    const hub = [...leases.values()].filter(({ source }) => source === HUB).length
    tally.connections(hub, leases.size - hub)
    tally.wait(this.#watch.reason(state.phase))
  }

  /** Ends all leases, and resolves when no byte of theirs is on its way to the disk: what is checked next stays as it is. */
  async stopWriting(): Promise<void> {
    this.#runner.cutAll()
    await this.writers.close()
  }

  /** Goes on after wrong pieces were taken back. */
  resume(): void {
    this.writers.reopen()
    this.#parts.state.enter('fetching')
    if (!this.gate.givesRanges) this.#streamWhole()
    this.pump()
  }

  /** Takes nothing of this blob from a peer any more. */
  exclude(peerId: string): void {
    this.#follower?.exclude(peerId)
  }

  /** From now on what is missing comes from the Hub alone, where it may be asked. */
  trustHubAlone(): void {
    this.#trustsHubAlone = !this.gate.isGone
  }

  /** To be called once the transfer's state has ended; resolves when all that it opened is closed. */
  async close(): Promise<void> {
    await this.#runner.settle()
    this.#seat.leave()
    await this.writers.close()
  }

  #act(action: Action): void {
    const { lease } = action
    if (action.type === 'fetch') this.#runner.start(lease)
    else {
      this.#runner.cut(lease)
      if (lease.source === HUB && action.reason === 'stalled') this.#hubStalled(lease)
    }
  }

  /** The pieces go on from where the connection is cut: what came of them stays. */
  #yieldOne(): void {
    const last = [...this.#scheduler.board.leases.values()].findLast(({ source }) => source === HUB)
    if (last) this.#runner.cut(last)
  }

  #moved(lease: Lease, count: number): void {
    const now = this.#parts.now()
    this.#watch.moved(now)
    this.#scheduler.moved(lease, count, now)
    if (lease.source === HUB) this.gate.moved(count)
    this.#parts.tally.add(kindOf(lease.source), this.#sources.nameOf(lease.source), count)
  }

  /** Lost bytes count as cost, but no longer as progress. */
  #lost(source: string, count: number): void {
    if (count <= 0) return
    this.#scheduler.lost(source, count)
    this.#parts.tally.lose(kindOf(source), count)
  }

  #landed(lease: Lease, { tookMs, isNew, digest }: Landing): void {
    const { state } = this.#parts
    const { source, at } = lease
    if (isNew) {
      const isVouchedFor = this.#scheduler.board.peers.get(source)?.have.isFull ?? false
      state.pieces.note(at, { source, isVouchedFor, digest })
      if (source === HUB) this.gate.progressed()
    }
    this.#scheduler.landed(lease, tookMs)
    state.pieces.changed()
    if (state.pieces.isFull) state.wake()
    else this.pump()
  }

  #ended(lease: Lease): void {
    this.#scheduler.board.endLease(lease)
    this.pump()
  }

  #failed(lease: Lease, error: unknown): void {
    if (error instanceof RangeIgnoredError && lease.source === HUB) this.#fetchWhole()
    else if (!(error instanceof DfhfError) || isOfClass(error, 'disk')) this.#parts.state.fail(error)
    else if (lease.source === HUB) this.#hubFailed(lease, error)
    else this.#peerFaults?.failed(lease, error)
  }

  #hubFailed(lease: Lease, error: DfhfError): void {
    const gained = lease.bytes - (lease.at === lease.start ? lease.prefix : 0)
    if (gained >= WORTH_GOING_ON_BYTES && this.gate.givesRanges) this.gate.progressed()
    if (this.gate.failed(error)) this.#checkHope()
  }

  #hubStalled(lease: Lease): void {
    const seconds = Math.round(this.#parts.stallMs / 1000)
    const error = new DfhfError('timeout', `no bytes from the hub for ${seconds} s`, { retryable: true })
    this.#hubFailed(lease, error)
  }

  /** The server gives no ranges: one plain stream from the first byte replaces all connections. */
  #fetchWhole(): void {
    this.gate.ignoredRange()
    if (this.#parts.state.phase !== 'fetching') return
    this.#runner.cutAll()
    this.#streamWhole()
  }

  #streamWhole(): void {
    const { state, now } = this.#parts
    state.enter('whole')
    const { board } = this.#scheduler
    const stream = { board, gate: this.gate, runner: this.#runner, now, listener: this.#listener }
    streamWhole(stream, state.ended).then(
      () => state.wake(),
      (error: unknown) => state.fail(error),
    )
  }

  #cutStalledStream(): void {
    const { now, stallMs } = this.#parts
    for (const lease of stalledLeases(this.#scheduler.board, now(), stallMs)) {
      this.#runner.cut(lease)
      this.#hubStalled(lease)
    }
  }

  /** Gives up when neither the Hub nor any peer can be expected to bring the rest. */
  #checkHope(): void {
    const error = this.#watch.lostHope()
    if (error) this.#parts.state.fail(error)
  }
}

function kindOf(source: string): SourceKind {
  return source === HUB ? 'hub' : 'peers'
}
