import { delay } from '../base/delay.ts'
import { DfhfError } from '../base/errors.ts'
import { releaseBytes } from '../base/release-bytes.ts'
import { pieceRange } from '../blob/pieces.ts'
import { RangeIgnoredError } from '../http/range-request.ts'
import { HUB, type Lease } from '../schedule/piece-board.ts'
import { stalledPeers } from '../schedule/stalled-peers.ts'
import { BUSY_PEER_PAUSE_MS, MAX_STRIKES, PEER_PAUSE_MS, PEER_STALL_MS } from '../schedule/tuning.ts'
import type { BlobTransfer } from './blob-transfer.ts'
import { BLOCK_SIZE } from './block-writer.ts'
import { BufferSink, FileSink, PassingSink, type PieceSink } from './piece-sink.ts'
import { WriterClosedError } from './piece-writers.ts'

/** Pieces up to this size are gathered in memory where writing them at once would cost what is there of them. */
const MOST_GATHERED = 2 ** 22

/** Carries leases out: opens the source, writes what comes, lands piece after piece. */
export class LeaseRunner {
  readonly #transfer: BlobTransfer
  readonly #running = new Set<Promise<void>>()
  readonly #blocks: Uint8Array[] = []
  readonly #strikes = new Map<string, number>()
  /** By lease: where its bytes go now. */
  readonly #sinks = new Map<Lease, PieceSink>()
  /** By piece: a lease that was cut is putting aside what it has of it. */
  readonly #leaving = new Map<number, Promise<number>>()

  constructor(transfer: BlobTransfer) {
    this.#transfer = transfer
  }

  /** Starts a lease; how it ends is told to the transfer. */
  start(lease: Lease, signal: AbortSignal): void {
    const running = this.#run(lease, signal)
      .catch((error: unknown) => {
        if (!signal.aborted && !(error instanceof WriterClosedError)) this.#failed(lease, error)
      })
      .finally(() => {
        this.#running.delete(running)
        this.#transfer.ended(lease)
      })
    this.#running.add(running)
  }

  /** Takes no further byte of a lease; its signal is the caller's to abort. */
  cut(lease: Lease): void {
    const sink = this.#sinks.get(lease)
    if (!sink) return
    const piece = lease.at
    const leaving = sink.close({ keep: lease.source === HUB })
    this.#leaving.set(piece, leaving)
    const done = () => {
      if (this.#leaving.get(piece) === leaving) this.#leaving.delete(piece)
    }
    leaving.then(done, done)
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

  /** Resolves when no lease is open any more. */
  async settle(): Promise<void> {
    await Promise.all(this.#running)
  }

  /** Fetches everything in one stream from a server that gives no ranges. Starts anew when the stream breaks. */
  async runWhole(start: (lease: Lease) => AbortSignal, signal: AbortSignal): Promise<void> {
    const transfer = this.#transfer
    const { board } = transfer.scheduler
    await this.settle()
    while (!transfer.pieces.isFull) {
      const lease = board.startLease(HUB, 0, board.pieceCount, transfer.now())
      try {
        await this.#run(lease, start(lease))
      } catch (error) {
        signal.throwIfAborted()
        // A stream that was cut because it stood still was reported when it was cut.
        if (error instanceof DfhfError) {
          if (!error.retryable) throw error
          transfer.hubFailed(error, lease)
        }
        if (transfer.hubGate.isGone) throw transfer.hubGate.finalError ?? error
      } finally {
        transfer.ended(lease)
      }
      await delay(transfer.hubGate.pauseMs, { signal })
    }
  }

  async #run(lease: Lease, signal: AbortSignal): Promise<void> {
    const release = lease.source === HUB ? this.#transfer.seat.acquire() : undefined
    // Fresh memory for every range would cost more than the copy into it.
    const block = this.#blocks.pop() ?? new Uint8Array(BLOCK_SIZE)
    try {
      await this.#stream(lease, block, signal)
    } finally {
      this.#blocks.push(block)
      release?.()
    }
  }

  async #stream(lease: Lease, block: Uint8Array, signal: AbortSignal): Promise<void> {
    const { limiter, size } = this.#transfer.parts
    let sink = await this.#firstSink(lease, block)
    try {
      signal.throwIfAborted()
      const start = pieceRange(size, lease.at).end - sink.left
      const body = await this.#open(lease, { start, end: pieceRange(size, lease.end - 1).end }, signal)
      let pieceStartedAt = this.#transfer.now()
      for await (const chunk of body) {
        lease.isHeld = true
        await limiter.take(chunk.length, signal)
        lease.isHeld = false
        signal.throwIfAborted()
        for (let rest = chunk; rest.length > 0 && lease.at < lease.end; ) {
          const part = rest.subarray(0, sink.left)
          rest = rest.subarray(part.length)
          await sink.add(part)
          this.#transfer.moved(lease, part.length)
          if (sink.left > 0) continue
          await this.#land(lease, sink, this.#transfer.now() - pieceStartedAt, signal)
          pieceStartedAt = this.#transfer.now()
          if (lease.at < lease.end) sink = this.#sinkFor(lease, block)
        }
        releaseBytes(chunk)
        // Another lease took over the rest of this one: leaving the loop closes the connection.
        if (lease.at >= lease.end) return
      }
    } finally {
      lease.isHeld = false
      this.#sinks.delete(lease)
      // What came from the Hub stays for the next request to it.
      const kept = await sink.close({ keep: lease.source === HUB })
      this.#transfer.lost(lease.source, Math.max(0, lease.bytes - kept))
    }
  }

  /** A request to the Hub goes on where one broke, unless it can only begin with the blob's first byte. */
  async #firstSink(lease: Lease, block: Uint8Array): Promise<PieceSink> {
    await this.#leaving.get(lease.at)
    const { isWhole, writers, parts } = this.#transfer
    // One that was cut with all of a piece written leaves its last byte to ask for: a request for none lands nothing.
    const { start, end } = pieceRange(parts.size, lease.at)
    const most = end - start - 1
    if (lease.source === HUB && !isWhole) lease.prefix = Math.min(writers.prefixOf(lease.at), most)
    return this.#sinkFor(lease, block)
  }

  /** Where the bytes of the piece go that a lease is at. */
  #sinkFor(lease: Lease, block: Uint8Array): PieceSink {
    const sink = this.#createSink(lease, block)
    this.#sinks.set(lease, sink)
    return sink
  }

  #createSink(lease: Lease, block: Uint8Array): PieceSink {
    const { writers, parts } = this.#transfer
    const piece = lease.at
    const { start, end } = pieceRange(parts.size, piece)
    if (parts.file.pieces.has(piece)) return new PassingSink(end - start)
    const prefix = piece === lease.start ? lease.prefix : 0
    // A peer that writes from the piece's beginning would cost what the Hub has sent of it, each time that it fails.
    const isGathered = lease.source !== HUB && end - start <= MOST_GATHERED
    const isHubsWork = isGathered && writers.prefixOf(piece) > 0
    const writer = isHubsWork ? undefined : writers.claim(piece, prefix)
    if (!writer) {
      lease.prefix = 0
      return new BufferSink(writers, piece, parts.size)
    }
    lease.bytes = prefix
    return new FileSink(writer, block)
  }

  #open(
    lease: Lease,
    range: { readonly start: number; readonly end: number },
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>> {
    const { hub, swarm } = this.#transfer.parts
    if (lease.source !== HUB) {
      if (!swarm) throw new DfhfError('unexpected', 'a peer lease without a swarm')
      return swarm.open(lease.source, range, signal)
    }
    if (!hub) throw new DfhfError('unexpected', 'a hub lease without a hub')
    return hub.open(range, { signal })
  }

  async #land(lease: Lease, sink: PieceSink, tookMs: number, signal: AbortSignal): Promise<void> {
    const transfer = this.#transfer
    const piece = lease.at
    signal.throwIfAborted()
    const isNew = await sink.land(async () => {
      if (lease.source !== HUB) await this.#checkDigest(lease, piece)
      // A cut lease must not land: its pieces belong to another one by now.
      signal.throwIfAborted()
    })
    // The same piece landed on another connection meanwhile: these bytes count for nothing.
    if (!isNew) transfer.lost(lease.source, lease.bytes)
    transfer.landed(lease, { tookMs, isNew })
  }

  /** Compares a piece from a peer with the digest that this peer claims for it, where it does. */
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
    else if (lease.source === HUB) this.#transfer.hubFailed(error, lease)
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
    this.#strikes.delete(peer.id)
    board.removePeer(peer.id)
    if (isLie) parts.swarm?.ban(peer.id, error.message)
    else parts.swarm?.shun(peer.id, error.message)
  }
}
