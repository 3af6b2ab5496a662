import { delay } from '../base/delay.ts'
import { startPiece } from '../schedule/ownership.ts'
import { SETTLING_MS, SLOTS_PER_PEER } from '../schedule/tuning.ts'
import type { BlobSwarm, SwarmListener } from '../swarm/client/blob-swarm.ts'
import type { BlobTransfer } from './blob-transfer.ts'

/** Brings what the swarm reports of its peers onto the board and wakes the scheduler. */
export class SwarmFollower implements SwarmListener {
  readonly #transfer: BlobTransfer
  readonly #swarm: BlobSwarm
  #isPumpDue = false

  constructor(transfer: BlobTransfer, swarm: BlobSwarm) {
    this.#transfer = transfer
    this.#swarm = swarm
  }

  start(signal: AbortSignal): void {
    const { board } = this.#transfer.scheduler
    const ownStart = startPiece(board.self, board.oid, board.pieceCount)
    board.head = ownStart
    this.#swarm.watch(this)
    const settle = () => {
      if (board.head === ownStart) board.head = 0
    }
    delay(SETTLING_MS, { signal }).then(settle, settle)
  }

  peerJoined(peer: { readonly id: string; readonly asksHub: boolean }): void {
    if (this.#transfer.isExcluded(peer.id)) return
    this.#transfer.scheduler.board.addPeer({
      ...peer,
      progressAt: this.#transfer.now(),
      msPerPiece: 0,
      slots: SLOTS_PER_PEER,
      load: 0,
      rate: 0,
      blockedUntil: 0,
    })
    this.#pumpSoon()
  }

  peerLeft(id: string): void {
    this.#transfer.cutSource(id)
    this.#transfer.scheduler.board.removePeer(id)
    this.#pumpSoon()
  }

  peerHas(id: string, pieces: Iterable<number>): void {
    const { scheduler } = this.#transfer
    const peer = scheduler.board.peers.get(id)
    if (!peer) return
    const now = this.#transfer.now()
    for (const piece of pieces) scheduler.peerLanded(peer, piece, now)
    this.#pumpSoon()
  }

  peerLost(id: string, pieces: readonly number[]): void {
    const { board } = this.#transfer.scheduler
    const peer = board.peers.get(id)
    if (!peer) return
    for (const piece of pieces) board.peerLacks(peer, piece)
    this.#pumpSoon()
  }

  peerAsksHub(id: string, asksHub: boolean): void {
    const peer = this.#transfer.scheduler.board.peers.get(id)
    if (peer) peer.asksHub = asksHub
    this.#pumpSoon()
  }

  peerFetches(id: string, pieces: readonly number[]): void {
    const { scheduler } = this.#transfer
    const peer = scheduler.board.peers.get(id)
    if (!peer) return
    scheduler.peerFetches(peer, pieces, this.#transfer.now())
    this.#pumpSoon()
  }

  peerLoad(id: string, load: number): void {
    const peer = this.#transfer.scheduler.board.peers.get(id)
    if (peer) peer.load = load
  }
  /** One decision for all that was heard by now: peers tell several things at once, and several speak at once. */
  #pumpSoon(): void {
    if (this.#isPumpDue) return
    this.#isPumpDue = true
    setImmediate(() => {
      this.#isPumpDue = false
      this.#transfer.pump()
    })
  }
}
