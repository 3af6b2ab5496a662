import { HUB, type Lease } from '../../src/schedule/piece-board.ts'
import { Timer } from './event-queue.ts'
import type { Flow } from './network.ts'
import type { SimulatedPeer } from './simulated-peer.ts'
import type { World } from './world.ts'

// These stand in lease-runner.ts as well.
const MAX_STRIKES = 3
const PEER_PAUSE_MS = 1_000

/** Why a request to a peer came to nothing. */
type Refusal = 'gone' | 'busy' | 'not here'

interface Download {
  readonly lease: Lease
  /** Undefined for the Hub. */
  readonly source: SimulatedPeer | undefined
  readonly opening: Timer
  readonly release: () => void
  flow: Flow | undefined
  pieceStartedAt: number
}

/** Carries one peer's leases out in virtual time, as LeaseRunner does in real time. */
export class Downloads {
  /** Pieces that came from the Hub. */
  hubPieces = 0
  readonly #world: World
  readonly #peer: SimulatedPeer
  readonly #running = new Map<number, Download>()
  readonly #strikes = new Map<string, number>()

  constructor(world: World, peer: SimulatedPeer) {
    this.#world = world
    this.#peer = peer
  }

  start(lease: Lease): void {
    const { queue, options } = this.#world
    const source = lease.source === HUB ? undefined : this.#peer.watching.get(lease.source)
    const download: Download = {
      lease,
      source,
      opening: new Timer(() => this.#open(download)),
      release: source ? () => {} : this.#peer.budget.acquire(),
      flow: undefined,
      pieceStartedAt: queue.now,
    }
    this.#running.set(lease.id, download)
    const delayMs = source ? 2 * (this.#peer.latencyMs + source.latencyMs) : options.hubDelayMs
    queue.schedule(download.opening, queue.now + delayMs)
  }

  /** Tells the scheduler how far the ranges are that it asks about: those from the Hub, and at a tick all. */
  measure(isAll: boolean): void {
    for (const download of this.#running.values())
      if (download.flow && (isAll || !download.source)) this.#measure(download, download.flow)
  }

  cut(lease: Lease): void {
    const download = this.#running.get(lease.id)
    if (download) this.#end(download)
  }

  cutAll(): void {
    for (const download of [...this.#running.values()]) this.#end(download)
  }

  /** The connections to a peer are gone. */
  breakFrom(source: SimulatedPeer): void {
    for (const download of [...this.#running.values()]) if (download.source === source) this.#end(download)
  }

  #open(download: Download): void {
    const { lease, source } = download
    if (source?.isSilent) return
    if (source) {
      const refusal = this.#refusal(source, lease)
      const view = this.#peer.board.peers.get(source.id)
      if (view) view.load = source.uploads / this.#world.options.uploads
      if (refusal) {
        this.#fail(download, refusal)
        return
      }
      source.uploads += 1
    }
    const from = source ? source.up : this.#world.hub
    const bytes = this.#world.sizeOfPiece(lease.at)
    download.pieceStartedAt = this.#world.queue.now
    download.flow = this.#world.network.start(from, this.#peer.down, bytes, () => this.#land(download))
  }

  #refusal(source: SimulatedPeer, lease: Lease): Refusal | undefined {
    if (source.isDead) return 'gone'
    if (source.uploads >= this.#world.options.uploads) return 'busy'
    for (let piece = lease.at; piece < lease.end; piece += 1)
      if (!source.board.have.has(piece)) return 'not here'
    return undefined
  }

  #land(download: Download): void {
    const { lease, flow, source } = download
    const { scheduler, board, announcer } = this.#peer
    const { network, queue } = this.#world
    if (!flow) return
    const piece = lease.at
    this.#count(download, this.#world.sizeOfPiece(piece) - lease.bytes)
    if (!source) {
      this.hubPieces += 1
      this.#world.hubPieces[piece] = (this.#world.hubPieces[piece] ?? 0) + 1
    }
    scheduler.landed(lease, queue.now - download.pieceStartedAt)
    download.pieceStartedAt = queue.now
    announcer.landed(piece)
    if (board.have.isFull) {
      this.#end(download)
      this.#peer.finish()
      return
    }
    if (lease.at < lease.end) network.refill(flow, this.#world.sizeOfPiece(lease.at))
    else this.#end(download)
    this.#peer.pump()
  }

  #fail(download: Download, refusal: Refusal): void {
    const { lease } = download
    const { board } = this.#peer
    const { now } = this.#world.queue
    this.#end(download)
    this.#peer.wakeSoon()
    const peer = board.peers.get(lease.source)
    if (!peer) return
    if (refusal === 'busy') peer.blockedUntil = now + this.#world.options.busyPauseMs
    else if (refusal === 'gone') peer.blockedUntil = now + PEER_PAUSE_MS
    else for (let piece = lease.at; piece < lease.end; piece += 1) board.peerLacks(peer, piece)
    if (refusal === 'busy') return
    const strikes = (this.#strikes.get(peer.id) ?? 0) + 1
    this.#strikes.set(peer.id, strikes)
    if (strikes >= MAX_STRIKES) this.#peer.ban(peer.id)
  }

  #measure(download: Download, flow: Flow): void {
    const { lease } = download
    const { network } = this.#world
    if (lease.at >= lease.end) return
    const bytes = Math.floor(this.#world.sizeOfPiece(lease.at) - network.progress(flow)) - lease.bytes
    if (bytes > 0) this.#count(download, bytes)
  }

  #count({ lease, source }: Download, bytes: number): void {
    this.#peer.scheduler.moved(lease, bytes, this.#world.queue.now)
    if (source) return
    this.#peer.budget.count(bytes)
    this.#world.hubBytes += bytes
  }

  #end(download: Download): void {
    const { lease, flow, source, opening } = download
    if (!this.#running.delete(lease.id)) return
    this.#world.queue.cancel(opening)
    if (flow) {
      this.#measure(download, flow)
      if (source) source.uploads -= 1
      this.#world.network.stop(flow)
    }
    download.release()
    // Rules of an older revision do not ask for it.
    if ('lost' in this.#peer.scheduler) this.#peer.scheduler.lost(lease.source, lease.bytes)
    this.#peer.board.endLease(lease)
  }
}
