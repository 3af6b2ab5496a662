import { delay } from '../base/delay.ts'
import { startPiece } from '../schedule/ownership.ts'
import type { Scheduler } from '../schedule/scheduler.ts'
import { SETTLING_MS, SLOTS_PER_PEER } from '../schedule/tuning.ts'
import type { BlobSwarm, SwarmListener } from '../swarm/client/blob-swarm.ts'

/** What a follower brings news to. */
interface SwarmFollowerParts {
  readonly swarm: BlobSwarm
  readonly scheduler: Scheduler
  readonly now: () => number
  /** Cuts all leases from one peer. */
  readonly cutSource: (peerId: string) => void
  /** Called once for all that was heard by now. */
  readonly onNews: () => void
}

/** Brings what the swarm reports of its peers onto the board. */
export class SwarmFollower implements SwarmListener {
  readonly #parts: SwarmFollowerParts
  /** Peers that sent wrong bytes of this blob, or may have: none of it is taken from them again. */
  readonly #excluded = new Set<string>()
  #isNewsDue = false

  constructor(parts: SwarmFollowerParts) {
    this.#parts = parts
  }

  /** Begins to watch; until `signal` ends, the board's head moves from this peer's own place to the beginning. */
  start(signal: AbortSignal): void {
    const { board } = this.#parts.scheduler
    const ownStart = startPiece(board.self, board.oid, board.pieceCount)
    board.head = ownStart
    this.#parts.swarm.watch(this)
    const settle = () => {
      if (board.head === ownStart) board.head = 0
    }
    delay(SETTLING_MS, { signal }).then(settle, settle)
  }

  /** Takes nothing of this blob from a peer any more. */
  exclude(id: string): void {
    this.#excluded.add(id)
    this.#remove(id)
  }

  peerJoined(peer: { readonly id: string; readonly asksHub: boolean; readonly isFar?: boolean }): void {
    if (this.#excluded.has(peer.id)) return
    this.#parts.scheduler.board.addPeer({
      ...peer,
      progressAt: this.#parts.now(),
      msPerPiece: 0,
      slots: SLOTS_PER_PEER,
      load: 0,
      rate: 0,
      blockedUntil: 0,
    })
    this.#newsSoon()
  }

  peerLeft(id: string): void {
    this.#remove(id)
    this.#newsSoon()
  }

  peerCrowded(id: string): void {
    if (this.#excluded.has(id)) return
    this.#parts.scheduler.board.addCrowded(id)
    this.#newsSoon()
  }

  peerHas(id: string, pieces: Iterable<number>): void {
    const { scheduler, now } = this.#parts
    const peer = scheduler.board.peers.get(id)
    if (!peer) return
    const at = now()
    for (const piece of pieces) scheduler.peerLanded(peer, piece, at)
    this.#newsSoon()
  }

  peerLost(id: string, pieces: readonly number[]): void {
    const { board } = this.#parts.scheduler
    const peer = board.peers.get(id)
    if (!peer) return
    for (const piece of pieces) board.peerLacks(peer, piece)
    this.#newsSoon()
  }

  peerAsksHub(id: string, asksHub: boolean): void {
    const peer = this.#parts.scheduler.board.peers.get(id)
    if (peer) peer.asksHub = asksHub
    this.#newsSoon()
  }

  peerFetches(id: string, pieces: readonly number[]): void {
    const { scheduler, now } = this.#parts
    const peer = scheduler.board.peers.get(id)
    if (!peer) return
    scheduler.peerFetches(peer, pieces, now())
    this.#newsSoon()
  }

  peerLoad(id: string, load: number): void {
    const peer = this.#parts.scheduler.board.peers.get(id)
    if (peer) peer.load = load
  }

  #remove(id: string): void {
    this.#parts.cutSource(id)
    this.#parts.scheduler.board.removePeer(id)
  }

  /** Has one decision made for all news so far: a peer sends several pieces of news at once, and so do several peers. */
  #newsSoon(): void {
    if (this.#isNewsDue) return
    this.#isNewsDue = true
    setImmediate(() => {
      this.#isNewsDue = false
      this.#parts.onNews()
    })
  }
}
