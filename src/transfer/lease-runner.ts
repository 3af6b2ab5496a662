import { delay } from '../base/delay.ts'
import { DfhfError } from '../base/errors.ts'
import { releaseBytes } from '../base/release-bytes.ts'
import { type ByteRange, pieceRange } from '../blob/pieces.ts'
import { RangeIgnoredError } from '../http/range-request.ts'
import type { BlobTransfer } from './blob-transfer.ts'
import { BLOCK_SIZE, BlockWriter } from './block-writer.ts'
import { HUB, type Lease } from './piece-board.ts'
import { stalledPeers } from './stalled-peers.ts'

/** Strikes after which a peer is left alone. */
const MAX_STRIKES = 3
/** How long a peer that failed once is not asked, in ms. */
const PEER_PAUSE_MS = 1_000
/** The same for one that is busy, in ms: an upload takes less than the second that Retry-After can say at the least. */
const BUSY_PEER_PAUSE_MS = 150

/** How long a peer may send nothing at all while it is asked for bytes, in ms. Others have what it has, and so has the Hub. */
const PEER_STALL_MS = 4_000

/** Carries leases out: opens the source, writes what comes, commits piece after piece. */
export class LeaseRunner {
  readonly #transfer: BlobTransfer
  readonly #running = new Set<Promise<void>>()
  readonly #blocks: Uint8Array[] = []
  readonly #strikes = new Map<string, number>()

  constructor(transfer: BlobTransfer) {
    this.#transfer = transfer
  }

  /** Starts a lease; how it ends is told to the transfer. */
  start(lease: Lease, signal: AbortSignal): void {
    const running = this.#run(lease, signal)
      .catch((error: unknown) => {
        if (!signal.aborted) this.#failed(lease, error)
      })
      .finally(() => {
        this.#running.delete(running)
        this.#transfer.tally.lose(lease.source === HUB ? 'hub' : 'peers', lease.bytes)
        this.#transfer.ended(lease)
      })
    this.#running.add(running)
  }

  /** A peer that sends nothing on any connection is left alone, so that its pieces are asked for elsewhere. */
  giveUpStalledPeers(): void {
    const { tally, scheduler, parts } = this.#transfer
    for (const id of stalledPeers(scheduler.board, this.#transfer.now(), PEER_STALL_MS)) {
      const reason = `sent nothing for ${PEER_STALL_MS / 1000} s`
      tally.retry(this.#transfer.nameOf(id), reason, 0)
      this.#transfer.cutSource(id)
      scheduler.board.removePeer(id)
      parts.swarm?.shun(id, reason)
    }
  }

  /** Resolves when no lease writes to the file any more. */
  async settle(): Promise<void> {
    await Promise.all(this.#running)
  }

  /** Fetches everything in one stream from a server that gives no ranges. Starts anew when the stream breaks. */
  async runWhole(signal: AbortSignal): Promise<void> {
    const transfer = this.#transfer
    const { board } = transfer.scheduler
    await this.settle()
    for (;;) {
      const lease = board.startLease(HUB, 0, board.pieceCount, transfer.now())
      const release = transfer.parts.budget.acquire()
      try {
        await this.#stream(lease, { start: 0, end: transfer.parts.size }, signal)
        return
      } catch (error) {
        signal.throwIfAborted()
        if (!(error instanceof DfhfError && error.retryable)) throw error
        transfer.hubFailed(error)
        if (transfer.hubGate.isGone) throw error
      } finally {
        transfer.tally.lose('hub', lease.bytes)
        board.endLease(lease)
        release()
      }
      await delay(transfer.hubGate.pauseMs, { signal })
    }
  }

  async #run(lease: Lease, signal: AbortSignal): Promise<void> {
    const { parts } = this.#transfer
    const release = lease.source === HUB ? parts.budget.acquire() : undefined
    try {
      await this.#stream(lease, this.#bytesOf(lease), signal)
    } finally {
      release?.()
    }
  }

  #bytesOf(lease: Lease): ByteRange {
    const { size } = this.#transfer.parts
    return { start: pieceRange(size, lease.start).start, end: pieceRange(size, lease.end - 1).end }
  }

  async #stream(lease: Lease, range: ByteRange, signal: AbortSignal): Promise<void> {
    const { parts } = this.#transfer
    const { size, file } = parts
    const body = await this.#open(lease, range, signal)
    // Fresh memory for every range would cost more than the copy into it.
    const block = this.#blocks.pop() ?? new Uint8Array(BLOCK_SIZE)
    using _back = { [Symbol.dispose]: () => void this.#blocks.push(block) }
    const writer = new BlockWriter(file, range.start, block)
    let offset = range.start
    let pieceStartedAt = this.#transfer.now()
    for await (const chunk of body) {
      await parts.limiter.take(chunk.length, signal)
      signal.throwIfAborted()
      let rest = chunk
      while (rest.length > 0 && lease.at < lease.end) {
        const pieceEnd = pieceRange(size, lease.at).end
        const part = rest.subarray(0, pieceEnd - offset)
        rest = rest.subarray(part.length)
        offset += part.length
        await writer.add(part)
        this.#transfer.moved(lease, part.length)
        if (offset < pieceEnd) continue
        await writer.flush()
        await this.#land(lease, this.#transfer.now() - pieceStartedAt, signal)
        pieceStartedAt = this.#transfer.now()
      }
      releaseBytes(chunk)
      // Somebody took over the rest of this lease: leaving the loop closes the connection.
      if (lease.at >= lease.end) return
    }
  }

  #open(lease: Lease, range: ByteRange, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const { hub, swarm } = this.#transfer.parts
    if (lease.source !== HUB) {
      if (!swarm) throw new DfhfError('unexpected', 'a peer lease without a swarm')
      return swarm.open(lease.source, range, signal)
    }
    if (!hub) throw new DfhfError('unexpected', 'a hub lease without a hub')
    return hub.open(range, { signal })
  }

  async #land(lease: Lease, tookMs: number, signal: AbortSignal): Promise<void> {
    const transfer = this.#transfer
    const piece = lease.at
    if (lease.source !== HUB) await this.#checkDigest(lease, piece)
    // A cut lease must not land: its pieces belong to somebody else by now.
    signal.throwIfAborted()
    if (!transfer.pieces.has(piece)) await transfer.parts.file.commit(piece)
    if (lease.at !== piece) return
    // The same piece landed on another connection meanwhile: these bytes count for nothing.
    if (transfer.pieces.has(piece)) transfer.tally.lose(lease.source === HUB ? 'hub' : 'peers', lease.bytes)
    transfer.landed(lease, tookMs)
  }

  /** Compares a piece from a peer with the digest that peers claim for it, where any does. */
  async #checkDigest(lease: Lease, piece: number): Promise<void> {
    const { swarm, hashes, file, size } = this.#transfer.parts
    const claimed = swarm?.digestOf(lease.source, piece)
    if (claimed === undefined) return
    if ((await hashes.digestOf(file.path, pieceRange(size, piece))) === claimed) {
      this.#transfer.digests.set(piece, claimed)
      return
    }
    throw new DfhfError(
      'verification-failed',
      `piece ${piece} from ${this.#transfer.nameOf(lease.source)} is not what it claims`,
    )
  }

  #failed(lease: Lease, error: unknown): void {
    if (error instanceof RangeIgnoredError && lease.source === HUB) this.#transfer.fetchWhole()
    else if (!(error instanceof DfhfError) || error.code === 'disk' || error.code === 'disk-full')
      this.#transfer.fail(error)
    else if (lease.source === HUB) this.#transfer.hubFailed(error)
    else this.#peerFailed(lease, error)
  }

  #peerFailed(lease: Lease, error: DfhfError): void {
    const { tally, scheduler, parts } = this.#transfer
    const { board } = scheduler
    const peer = board.peers.get(lease.source)
    tally.retry(this.#transfer.nameOf(lease.source), error.message, 0)
    if (!peer) return
    if (error.code === 'rate-limited') {
      peer.blockedUntil = this.#transfer.now() + BUSY_PEER_PAUSE_MS
      return
    }
    if (error.code === 'not-cached')
      for (let piece = lease.at; piece < lease.end; piece += 1) board.peerLacks(peer, piece)
    else peer.blockedUntil = this.#transfer.now() + PEER_PAUSE_MS
    const strikes = (this.#strikes.get(peer.id) ?? 0) + 1
    this.#strikes.set(peer.id, strikes)
    const isLie = error.code === 'verification-failed' || error.code === 'bad-response'
    if (!isLie && strikes < MAX_STRIKES) return
    board.removePeer(peer.id)
    if (isLie) parts.swarm?.ban(peer.id, error.message)
    else parts.swarm?.shun(peer.id, error.message)
  }
}
