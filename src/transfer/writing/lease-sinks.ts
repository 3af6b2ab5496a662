import { pieceRange } from '../../blob/pieces.ts'
import { HUB, type Lease } from '../../schedule/piece-board.ts'
import type { BlobFile } from './blob-file.ts'
import { BufferSink, FileSink, PassingSink, type PieceSink } from './piece-sink.ts'
import type { PieceWriters } from './piece-writers.ts'

/** Pieces up to this size are gathered in memory where writing them at once would cost what is there of them. */
const MOST_GATHERED = 2 ** 22

/** Gives every running lease a place for the bytes of the piece that it is at. */
export class LeaseSinks {
  readonly #file: BlobFile
  readonly #writers: PieceWriters
  /** By lease: where its bytes go now. */
  readonly #sinks = new Map<Lease, PieceSink>()
  /** By piece: a lease that was cut is putting aside what it has of it. */
  readonly #leaving = new Map<number, Promise<number>>()

  constructor(file: BlobFile, writers: PieceWriters) {
    this.#file = file
    this.#writers = writers
  }

  /**
   * The place for a lease's first piece, once a lease that was cut there has put its bytes aside. With `goesOn` it
   * begins behind what the Hub has sent of that piece before.
   */
  async first(lease: Lease, block: Uint8Array, { goesOn }: { readonly goesOn: boolean }): Promise<PieceSink> {
    await this.#leaving.get(lease.at)
    // One that was cut with all of a piece written leaves its last byte to ask for: a request for none lands nothing.
    const { start, end } = pieceRange(this.#file.size, lease.at)
    if (goesOn) lease.prefix = Math.min(this.#writers.prefixOf(lease.at), end - start - 1)
    return this.next(lease, block)
  }

  /** The place for the piece that a lease is at now; `block` is in use until the lease ends. */
  next(lease: Lease, block: Uint8Array): PieceSink {
    const sink = this.#create(lease, block)
    this.#sinks.set(lease, sink)
    return sink
  }

  /** Takes no further byte of a lease. */
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

  /** Ends what a lease writes; gives the number of its last piece's bytes that stay for the next request to the Hub. */
  end(lease: Lease, sink: PieceSink): Promise<number> {
    this.#sinks.delete(lease)
    return sink.close({ keep: lease.source === HUB })
  }

  #create(lease: Lease, block: Uint8Array): PieceSink {
    const { size, pieces } = this.#file
    const piece = lease.at
    const { start, end } = pieceRange(size, piece)
    if (pieces.has(piece)) return new PassingSink(end - start)
    const prefix = piece === lease.start ? lease.prefix : 0
    // A peer that writes from the piece's beginning would cost what the Hub has sent of it, each time that it fails.
    const isGathered = lease.source !== HUB && end - start <= MOST_GATHERED
    const isHubsWork = isGathered && this.#writers.prefixOf(piece) > 0
    const writer = isHubsWork ? undefined : this.#writers.claim(piece, prefix)
    if (!writer) {
      lease.prefix = 0
      return new BufferSink(this.#writers, piece, size)
    }
    lease.bytes = prefix
    return new FileSink(writer, block)
  }
}
