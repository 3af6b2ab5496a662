import type { PeerFault, PeerStrikes } from '../../src/schedule/peer-strikes.ts'
import { HUB, type Lease, type PieceBoard } from '../../src/schedule/piece-board.ts'
import type { Scheduler } from '../../src/schedule/scheduler.ts'
import type { HubBudget } from '../../src/transfer/hub/hub-budget.ts'
import type { Environment } from './environment.ts'
import { Timer } from './event-queue.ts'
import type { Host } from './host.ts'
import type { Flow, Link, Rack } from './network.ts'

interface Download {
  readonly lease: Lease
  /** Undefined for the Hub. */
  readonly source: Host | undefined
  readonly opening: Timer
  readonly release: () => void
  flow: Flow | undefined
  pieceStartedAt: number
}

/** The host that downloads. */
export interface Downloader {
  readonly board: PieceBoard
  readonly scheduler: Scheduler
  readonly budget: HubBudget
  readonly down: Link
  readonly rack: Rack | undefined
  readonly latencyMs: number
  /** A peer that it may ask. */
  sourceOf(id: string): Host | undefined
  /** A piece is here. */
  landed(piece: number): void
  /** All pieces are here. */
  finish(): void
  /** Leaves a peer alone for a while. */
  shun(id: string): void
  /** Decides at once. */
  pump(): void
  /** Decides in a moment. */
  wakeSoon(): void
}

/** Carries one host's leases out in virtual time, as LeaseRunner does in real time. */
export class Downloads {
  /** Pieces that came from the Hub. */
  hubPieces = 0
  readonly #environment: Environment
  readonly #self: Downloader
  readonly #running = new Map<number, Download>()
  readonly #strikes: PeerStrikes

  constructor(environment: Environment, self: Downloader) {
    this.#environment = environment
    this.#self = self
    this.#strikes = new environment.code.PeerStrikes({ busyPauseMs: environment.busyPauseMs })
  }

  start(lease: Lease): void {
    const { queue, hubDelayMs } = this.#environment
    const source = lease.source === HUB ? undefined : this.#self.sourceOf(lease.source)
    const download: Download = {
      lease,
      source,
      opening: new Timer(() => this.#open(download)),
      release: source ? () => {} : this.#self.budget.acquire(),
      flow: undefined,
      pieceStartedAt: queue.now,
    }
    this.#running.set(lease.id, download)
    const delayMs = source ? 2 * (this.#self.latencyMs + source.latencyMs) : hubDelayMs
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

  /** The connections to a host are gone. */
  breakFrom(source: Host): void {
    for (const download of [...this.#running.values()]) if (download.source === source) this.#end(download)
  }

  #open(download: Download): void {
    const { lease, source } = download
    const { network, queue, hub, uploads } = this.#environment
    if (source?.isSilent) return
    if (source) {
      const fault = this.#faultOf(source, lease)
      const view = this.#self.board.peers.get(source.id)
      if (view) view.load = source.uploads / uploads
      if (fault) {
        this.#fail(download, fault)
        return
      }
      source.uploads += 1
    }
    const bytes = this.#environment.sizeOfPiece(lease.at)
    download.pieceStartedAt = queue.now
    const { from, to } = this.#wayFrom(source, hub)
    download.flow = network.start(from, to, bytes, () => this.#land(download))
  }

  /** The two links that a range crosses: those of the hosts, or of their racks where these differ. */
  #wayFrom(source: Host | undefined, hub: Link): { readonly from: Link; readonly to: Link } {
    const { down, rack } = this.#self
    if (!source) return { from: hub, to: down }
    if (!rack || !source.rack || source.rack === rack) return { from: source.up, to: down }
    return { from: source.rack.up, to: rack.down }
  }

  /** Why a host refuses a request, checked in the order in which a real one does. */
  #faultOf(source: Host, lease: Lease): PeerFault | undefined {
    if (source.isDead) return 'broken'
    for (let piece = lease.at; piece < lease.end; piece += 1) if (!source.pieces.has(piece)) return 'not here'
    return source.uploads >= this.#environment.uploads ? 'busy' : undefined
  }

  #land(download: Download): void {
    const { lease, flow, source } = download
    const { scheduler, board } = this.#self
    const { network, queue, hubPieces } = this.#environment
    if (!flow) return
    const piece = lease.at
    this.#count(download, this.#environment.sizeOfPiece(piece) - lease.bytes)
    if (!source) {
      this.hubPieces += 1
      hubPieces[piece] = (hubPieces[piece] ?? 0) + 1
    }
    scheduler.landed(lease, queue.now - download.pieceStartedAt)
    download.pieceStartedAt = queue.now
    this.#self.landed(piece)
    if (board.have.isFull) {
      this.#end(download)
      this.#self.finish()
      return
    }
    if (lease.at < lease.end) network.refill(flow, this.#environment.sizeOfPiece(lease.at))
    else this.#end(download)
    this.#self.pump()
  }

  #fail(download: Download, fault: PeerFault): void {
    const { lease } = download
    const { board } = this.#self
    this.#end(download)
    this.#self.wakeSoon()
    const verdict = this.#strikes.failed(board, lease, fault, this.#environment.queue.now)
    if (verdict) this.#self.shun(lease.source)
  }

  #measure(download: Download, flow: Flow): void {
    const { lease } = download
    if (lease.at >= lease.end) return
    const left = this.#environment.network.progress(flow)
    const bytes = Math.floor(this.#environment.sizeOfPiece(lease.at) - left) - lease.bytes
    if (bytes > 0) this.#count(download, bytes)
  }

  #count({ lease, source }: Download, bytes: number): void {
    this.#self.scheduler.moved(lease, bytes, this.#environment.queue.now)
    if (source) {
      if (source.rack !== this.#self.rack) this.#environment.farBytes += bytes
      return
    }
    this.#self.budget.count(bytes)
    this.#environment.hubBytes += bytes
  }

  #end(download: Download): void {
    const { lease, flow, source, opening, release } = download
    if (!this.#running.delete(lease.id)) return
    this.#environment.queue.cancel(opening)
    if (flow) {
      this.#measure(download, flow)
      if (source) source.uploads -= 1
      this.#environment.network.stop(flow)
    }
    release()
    if (!source) this.#self.wakeSoon()
    // Rules of an older revision do not ask for it.
    if ('lost' in this.#self.scheduler) this.#self.scheduler.lost(lease.source, lease.bytes)
    this.#self.board.endLease(lease)
  }
}
