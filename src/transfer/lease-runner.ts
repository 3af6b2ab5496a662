import { DfhfError } from '../base/errors.ts'
import { releaseBytes } from '../base/release-bytes.ts'
import { pieceRange } from '../blob/pieces.ts'
import type { HashService } from '../hash/hash-service.ts'
import { HUB, type Lease, type PieceBoard } from '../schedule/piece-board.ts'
import type { HubSeat } from './hub/hub-seat.ts'
import type { RateLimiter } from './rate-limiter.ts'
import type { TransferSources } from './transfer-sources.ts'
import type { BlobFile } from './writing/blob-file.ts'
import { BLOCK_SIZE } from './writing/block-writer.ts'
import { LeaseSinks } from './writing/lease-sinks.ts'
import type { PieceSink } from './writing/piece-sink.ts'
import { type PieceWriters, WriterClosedError } from './writing/piece-writers.ts'

/** A piece that a lease has brought. */
export interface Landing {
  readonly tookMs: number
  /** False where another connection had put the piece down meanwhile. */
  readonly isNew: boolean
  /** The piece's digest, where it was compared with the one that its sender claims. */
  readonly digest: string | undefined
}

/** Hears what comes of leases, as it happens. */
export interface LeaseListener {
  /** Bytes of the lease are in the file. */
  moved(lease: Lease, count: number): void
  /** Bytes that had arrived from a source are worth nothing. */
  lost(source: string, count: number): void
  /** The piece that the lease is at is whole and in the journal. */
  landed(lease: Lease, landing: Landing): void
  /** The lease broke, for another reason than being cut; `ended` follows. */
  failed(lease: Lease, error: unknown): void
  /** Nothing more comes of the lease. */
  ended(lease: Lease): void
}

/** What a runner works with. */
interface LeaseRunnerParts {
  readonly board: PieceBoard
  readonly file: BlobFile
  readonly writers: PieceWriters
  readonly sources: TransferSources
  /** Where connections to the Hub are taken from. */
  readonly seat: Pick<HubSeat, 'acquire'>
  readonly limiter: RateLimiter
  /** For bytes from the Hub, besides the other. */
  readonly hubLimiter?: RateLimiter | undefined
  readonly hashes: Pick<HashService, 'digestOf'>
  readonly now: () => number
  /** False where the Hub sends one stream from the first byte. */
  readonly hubGivesRanges: () => boolean
  /** Ends all leases. */
  readonly stop: AbortSignal
  readonly listener: LeaseListener
}

/** Carries leases out: opens the source, writes what comes, lands piece after piece. */
export class LeaseRunner {
  readonly #parts: LeaseRunnerParts
  readonly #sinks: LeaseSinks
  readonly #running = new Set<Promise<void>>()
  readonly #blocks: Uint8Array[] = []
  readonly #cuts = new Map<Lease, AbortController>()

  constructor(parts: LeaseRunnerParts) {
    this.#parts = parts
    this.#sinks = new LeaseSinks(parts.file, parts.writers)
  }

  /** Starts a lease; the listener hears how it ends. */
  start(lease: Lease): void {
    const { listener } = this.#parts
    const signal = this.#signalFor(lease)
    const running = this.#run(lease, signal)
      .catch((error: unknown) => {
        if (!signal.aborted && !(error instanceof WriterClosedError)) listener.failed(lease, error)
      })
      .finally(() => {
        this.#running.delete(running)
        this.#cuts.delete(lease)
        listener.ended(lease)
      })
    this.#running.add(running)
  }

  /** Carries a lease out to its end, which the caller reports; throws what ends it early. */
  async carryOut(lease: Lease): Promise<void> {
    try {
      await this.#run(lease, this.#signalFor(lease))
    } finally {
      this.#cuts.delete(lease)
    }
  }

  /** Ends a lease: takes no further byte of it, and closes its connection. What came of it from the Hub stays. */
  cut(lease: Lease): void {
    this.#sinks.cut(lease)
    this.#cuts.get(lease)?.abort()
  }

  /** Cuts all leases on the board. */
  cutAll(): void {
    for (const lease of this.#parts.board.leases.values()) this.cut(lease)
  }

  /** Cuts all leases from one source. */
  cutSource(source: string): void {
    for (const lease of this.#parts.board.leases.values()) if (lease.source === source) this.cut(lease)
  }

  /** Resolves when no lease that was started is open any more. */
  async settle(): Promise<void> {
    await Promise.all(this.#running)
  }

  /** Ends when the lease is cut, or with the transfer. */
  #signalFor(lease: Lease): AbortSignal {
    const cut = new AbortController()
    this.#cuts.set(lease, cut)
    return AbortSignal.any([cut.signal, this.#parts.stop])
  }

  async #run(lease: Lease, signal: AbortSignal): Promise<void> {
    const release = lease.source === HUB ? this.#parts.seat.acquire() : undefined
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
    const { file, limiter, listener, now, sources, hubGivesRanges } = this.#parts
    const hubLimiter = lease.source === HUB ? this.#parts.hubLimiter : undefined
    const { size } = file
    // A request to the Hub goes on where one broke, unless it can only begin with the blob's first byte.
    const goesOn = lease.source === HUB && hubGivesRanges()
    let sink = await this.#sinks.first(lease, block, { goesOn })
    try {
      signal.throwIfAborted()
      const start = pieceRange(size, lease.at).end - sink.left
      const end = pieceRange(size, lease.end - 1).end
      const body = await sources.open(lease.source, { start, end }, signal)
      let pieceStartedAt = now()
      for await (const chunk of body) {
        // Awaited only where the limit holds it back: on a link a part is small, and each await costs as much as its bytes.
        const held = limiter.takeWith(hubLimiter, chunk.length, signal)
        if (held) {
          lease.isHeld = true
          await held
          lease.isHeld = false
        }
        signal.throwIfAborted()
        for (let rest = chunk; rest.length > 0 && lease.at < lease.end; ) {
          const part = rest.subarray(0, sink.left)
          rest = rest.subarray(part.length)
          const adding = sink.add(part)
          if (adding) await adding
          listener.moved(lease, part.length)
          if (sink.left > 0) continue
          await this.#land(lease, sink, now() - pieceStartedAt, signal)
          pieceStartedAt = now()
          if (lease.at < lease.end) sink = this.#sinks.next(lease, block)
        }
        releaseBytes(chunk)
        // Another lease took over the rest of this one: leaving the loop closes the connection.
        if (lease.at >= lease.end) return
      }
    } finally {
      lease.isHeld = false
      const kept = await this.#sinks.end(lease, sink)
      listener.lost(lease.source, Math.max(0, lease.bytes - kept))
    }
  }

  async #land(lease: Lease, sink: PieceSink, tookMs: number, signal: AbortSignal): Promise<void> {
    const { listener } = this.#parts
    let digest: string | undefined
    signal.throwIfAborted()
    const isNew = await sink.land(async () => {
      digest = await this.#checkDigest(lease)
      // A cut lease must not land: its pieces belong to another one by now.
      signal.throwIfAborted()
    })
    // The same piece landed on another connection meanwhile: these bytes count for nothing.
    if (!isNew) listener.lost(lease.source, lease.bytes)
    listener.landed(lease, { tookMs, isNew, digest })
  }

  /** The digest of a piece from a peer that claims one for it; throws where the bytes have another. */
  async #checkDigest(lease: Lease): Promise<string | undefined> {
    const { sources, hashes, file } = this.#parts
    const piece = lease.at
    const claimed = sources.claimedDigest(lease.source, piece)
    if (claimed === undefined) return undefined
    if ((await hashes.digestOf(file.path, pieceRange(file.size, piece))) === claimed) return claimed
    throw new DfhfError(
      'verification-failed',
      `piece ${piece} from ${sources.nameOf(lease.source)} is not what it claims`,
    )
  }
}
