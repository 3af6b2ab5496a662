import { pieceSizeOf } from '../blob/pieces.ts'
import { HUB, PieceBoard } from '../schedule/piece-board.ts'
import { stalledLeases } from '../schedule/rescue.ts'
import { type Action, Scheduler } from '../schedule/scheduler.ts'
import { LOOKING_FOR_PEERS_MS, LOOKING_ON_MS, PEER_SLOTS } from '../schedule/tuning.ts'
import { HubGate } from './hub/hub-gate.ts'
import type { HubSeat } from './hub/hub-seat.ts'
import { LeaseOutcomes } from './lease-outcomes.ts'
import { LeaseRunner } from './lease-runner.ts'
import { PeerFaults } from './peer-faults.ts'
import { ProgressWatch } from './progress-watch.ts'
import { SwarmFollower } from './swarm-follower.ts'
import type { TransferCounters } from './transfer-counters.ts'
import type { TransferParts } from './transfer-parts.ts'
import { TransferSources } from './transfer-sources.ts'
import type { TransferState } from './transfer-state.ts'
import { streamWhole } from './whole-stream.ts'
import { PieceWriters } from './writing/piece-writers.ts'

/** What the pieces of one blob are fetched with. */
interface PieceFetchParts extends TransferParts {
  readonly state: TransferState
  readonly counters: TransferCounters
  readonly now: () => number
}

/** Has the missing pieces of one blob fetched: asks the scheduler what to do, and has it done. */
export class PieceFetch {
  readonly writers: PieceWriters
  readonly gate: HubGate
  readonly #parts: PieceFetchParts
  readonly #scheduler: Scheduler
  readonly #seat: HubSeat
  readonly #outcomes: LeaseOutcomes
  readonly #runner: LeaseRunner
  readonly #follower: SwarmFollower | undefined
  readonly #peerFaults: PeerFaults | undefined
  readonly #watch: ProgressWatch
  readonly #startedAt: number
  /** Until when more peers may be found, as the search for them was slow. */
  #looksOnUntil = 0
  /** Wrong bytes came from peers: what is missing now comes from the Hub alone. */
  #trustsHubAlone = false

  constructor(parts: PieceFetchParts) {
    const { file, hub, swarm, budget, limiter, hashes, now, state, counters, random = Math.random } = parts
    this.#parts = parts
    this.#startedAt = now()
    const board = new PieceBoard({
      pieceCount: state.pieces.size,
      pieceSize: pieceSizeOf(parts.size),
      have: state.pieces.bitmap,
      self: swarm?.selfId ?? 'self',
      oid: parts.oid,
    })
    const scheduler = new Scheduler(board, parts.wariness)
    this.#scheduler = scheduler
    const onChange = () => this.pump()
    const seat = budget.join({ wake: onChange, yieldOne: () => this.#yieldOne() })
    this.#seat = seat
    const gate = new HubGate({ hub, budget, seat, random, counters, clock: now })
    this.gate = gate
    const cutSource = (source: string) => this.#runner.cutSource(source)
    const peerFaults = swarm && new PeerFaults({ board, swarm, counters, now, cutSource })
    this.#peerFaults = peerFaults
    const asked = { hasHub: hub !== undefined, hasSwarm: swarm !== undefined }
    const watch = new ProgressWatch({ board, gate, ...asked, now })
    this.#watch = watch
    const sources = new TransferSources({ hub, swarm })
    const onRangeIgnored = () => this.#fetchWhole()
    const { stallMs } = parts
    const listener = new LeaseOutcomes({
      state,
      scheduler,
      gate,
      sources,
      counters,
      watch,
      peerFaults,
      now,
      stallMs,
      onChange,
      onRangeIgnored,
    })
    this.#outcomes = listener
    const writers = new PieceWriters(file, (length) => listener.lost(HUB, length))
    this.writers = writers
    const hubGivesRanges = () => gate.givesRanges
    const { ended: stop } = state
    this.#runner = new LeaseRunner({
      board,
      file,
      writers,
      sources,
      seat,
      limiter,
      hubLimiter: parts.hubLimiter,
      hashes,
      now,
      hubGivesRanges,
      stop,
      listener,
    })
    this.#follower = swarm && new SwarmFollower({ swarm, scheduler, now, cutSource, onNews: onChange })
  }

  /** True once the Hub was asked because peers brought too little. */
  get hasDoubted(): boolean {
    return this.#scheduler.hasDoubted
  }

  /** Pieces on their way from the Hub, as others are told. */
  get fromHub(): readonly number[] {
    return this.#scheduler.fetchingFromHub()
  }

  /** True where a peer says that it has the piece. */
  isAtPeer(peerId: string, piece: number): boolean {
    return this.#scheduler.board.peers.get(peerId)?.have.has(piece) ?? false
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
    this.gate.holdUntil(swarm.introduced(), () => {
      const tookMs = this.#parts.now() - this.#startedAt
      if (tookMs > LOOKING_FOR_PEERS_MS) this.#looksOnUntil = this.#parts.now() + LOOKING_ON_MS
      this.pump()
    })
  }

  /** Decides and acts. Called whenever anything has changed. */
  pump(isTick = false): void {
    const { state, swarm, budget, stallMs, now: clock } = this.#parts
    if (state.phase !== 'fetching' || state.pieces.isFull) return
    const now = clock()
    const actions = this.#scheduler.decide({
      now,
      selfAsksHub: !this.gate.isGone,
      hubSlots: this.#hubSlots(now),
      isHubPaused: this.gate.state === 'paused',
      peerSlots: this.#trustsHubAlone ? 0 : PEER_SLOTS,
      trustsHubAlone: this.#trustsHubAlone,
      mostHubConnections: budget.fairShare,
      isLookingForPeers: swarm !== undefined && now - this.#startedAt < LOOKING_FOR_PEERS_MS,
      stallMs,
      isTick,
    })
    for (const action of actions) this.#act(action)
    // What comes from a peer is told when it is here.
    if (actions.some(({ lease }) => lease.source === HUB)) state.pieces.changed()
    if (actions.length > 0) return
    if (this.#scheduler.board.leases.size === 0 && this.gate.state === 'full') this.#seat.starve()
  }

  /** Looks at what time alone changes: sources that stand still, and whether there is hope. Called several times a second. */
  tick(): void {
    const { state, counters } = this.#parts
    const { leases } = this.#scheduler.board
    this.#peerFaults?.giveUpStalled()
    this.pump(true)
    if (state.phase === 'whole') this.#cutStalledStream()
    this.#outcomes.checkHope()
    const hub = [...leases.values()].filter(({ source }) => source === HUB).length
    counters.connections(hub, leases.size - hub)
    counters.wait(this.#watch.reason(state.phase))
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

  /** Connections to the Hub that may be opened now: one in all while more peers may turn up. */
  #hubSlots(now: number): number {
    const { slots } = this.gate
    return now < this.#looksOnUntil
      ? Math.min(slots, Math.max(0, 1 - this.#scheduler.board.hubLeases))
      : slots
  }

  #act(action: Action): void {
    const { lease } = action
    if (action.type === 'fetch') this.#runner.start(lease)
    else {
      this.#runner.cut(lease)
      if (lease.source === HUB && action.reason === 'stalled') this.#outcomes.hubStalled(lease)
    }
  }

  /** The pieces go on from where the connection is cut: what came of them stays. */
  #yieldOne(): void {
    const last = [...this.#scheduler.board.leases.values()].findLast(({ source }) => source === HUB)
    if (last) this.#runner.cut(last)
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
    const stream = { board, gate: this.gate, runner: this.#runner, now, listener: this.#outcomes }
    streamWhole(stream, state.ended).then(
      () => state.wake(),
      (error: unknown) => state.fail(error),
    )
  }

  #cutStalledStream(): void {
    const { now, stallMs } = this.#parts
    for (const lease of stalledLeases(this.#scheduler.board, now(), stallMs)) {
      this.#runner.cut(lease)
      this.#outcomes.hubStalled(lease)
    }
  }
}
