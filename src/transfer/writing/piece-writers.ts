import { type ByteRange, pieceRange } from '../../blob/pieces.ts'
import type { BlobFile } from './blob-file.ts'

/** A writer was closed because its piece has landed from elsewhere, or the file is being checked: stop sending. */
export class WriterClosedError extends Error {
  constructor(piece: number) {
    super(`piece ${piece} is no longer written here`)
    this.name = 'WriterClosedError'
  }
}

/**
 * The only way by which bytes get into a blob's file. A piece has one writer at the most, and none once it has
 * landed: what the check of the whole blob reads, no late byte can change. A second request for a piece gathers its
 * bytes elsewhere and takes the piece over when it has them all.
 */
export class PieceWriters {
  readonly #file: BlobFile
  readonly #open = new Map<number, PieceWriter>()
  /** Writes that the system has not finished yet, of closed writers as well. */
  readonly #pending = new Set<Promise<void>>()
  /** How many bytes from the Hub stand at the beginning of a piece that has not landed. */
  readonly #prefixes = new Map<number, number>()

  #isClosed = false
  readonly #onDropped: (length: number) => void

  /** `onDropped` is told when bytes at the beginning of a piece are given up because it is written anew. */
  constructor(file: BlobFile, onDropped: (length: number) => void) {
    this.#file = file
    this.#onDropped = onDropped
  }

  /** How many bytes from the Hub stand at the beginning of the piece, left by a request that broke. */
  prefixOf(piece: number): number {
    return this.#prefixes.get(piece) ?? 0
  }

  /**
   * The writer of a piece, from `length` bytes after its beginning on; undefined while another writes it, once it has
   * landed, and while all is closed.
   */
  claim(piece: number, length = 0): PieceWriter | undefined {
    if (this.#isClosed || this.#open.has(piece) || this.#file.pieces.has(piece)) return undefined
    return this.#begin(piece, length)
  }

  /**
   * Closes the present writer of a piece and gives the piece to the caller. Waits for the bytes of that writer
   * that are on their way to the disk; undefined when the piece has landed by then, or all is closed.
   */
  async takeOver(piece: number): Promise<PieceWriter | undefined> {
    for (let before = this.#open.get(piece); before; before = this.#open.get(piece)) {
      if (!before.isLanding) before.close()
      await before.settled()
    }
    return this.claim(piece)
  }

  /** Writes and lands a piece of which all bytes are at hand, while all is closed. Throws `disk-full` or `disk`. */
  async put(piece: number, bytes: Uint8Array): Promise<void> {
    const writer = this.#begin(piece, 0)
    try {
      await writer.write(bytes)
      await writer.land(async () => {})
    } finally {
      writer.close()
    }
  }

  /** Closes all writers, gives no new ones, and resolves when no byte is on its way to the disk. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const writer of this.#open.values()) if (!writer.isLanding) writer.close()
    while (this.#open.size > 0 || this.#pending.size > 0) {
      await Promise.allSettled([
        ...this.#pending,
        ...[...this.#open.values()].map((writer) => writer.settled()),
      ])
    }
  }

  /** Gives writers again, for pieces that were found wrong. */
  reopen(): void {
    this.#isClosed = false
  }

  #begin(piece: number, length: number): PieceWriter {
    const dropped = this.prefixOf(piece) - length
    this.#prefixes.delete(piece)
    if (dropped > 0) this.#onDropped(dropped)
    const range = pieceRange(this.#file.size, piece)
    const writer: PieceWriter = new PieceWriter(piece, range, length, {
      write: (bytes, offset) => this.#write(bytes, offset),
      commit: () => this.#file.commit(piece),
      closed: (kept) => {
        this.#open.delete(piece)
        if (kept > 0) this.#prefixes.set(piece, kept)
      },
    })
    this.#open.set(piece, writer)
    return writer
  }

  #write(bytes: Uint8Array, offset: number): Promise<void> {
    const writing = this.#file.write(bytes, offset)
    this.#pending.add(writing)
    const done = () => this.#pending.delete(writing)
    writing.then(done, done)
    return writing
  }
}

interface WriterPort {
  write(bytes: Uint8Array, offset: number): Promise<void>
  commit(): Promise<void>
  /** No byte follows; so many at the beginning of the piece may be gone on with. */
  closed(kept: number): void
}

/** Writes one piece from its beginning to its end, and lands it. */
export class PieceWriter {
  readonly piece: number
  readonly #range: ByteRange
  readonly #port: WriterPort
  readonly #settled = Promise.withResolvers<void>()
  #offset: number
  #state: 'open' | 'landing' | 'closed' = 'open'
  #writing: Promise<void> = Promise.resolve()

  constructor(piece: number, range: ByteRange, length: number, port: WriterPort) {
    this.piece = piece
    this.#range = range
    this.#port = port
    this.#offset = range.start + length
  }

  /** Where in the blob the next byte goes. */
  get offset(): number {
    return this.#offset
  }

  /** Bytes of the piece that are still to come. */
  get left(): number {
    return this.#range.end - this.#offset
  }

  /** True while the piece is checked and put down as here: it can no longer be taken over. */
  get isLanding(): boolean {
    return this.#state === 'landing'
  }

  /** Appends bytes; one call at a time. Throws WriterClosedError, `disk-full` or `disk`. */
  async write(bytes: Uint8Array): Promise<void> {
    this.#mustBe('open')
    if (this.#offset + bytes.length > this.#range.end)
      throw new RangeError(`${bytes.length} bytes too many for piece ${this.piece}`)
    this.#writing = this.#port.write(bytes, this.#offset)
    await this.#writing
    // What was under way when the piece was taken over does not count.
    this.#mustBe('open')
    this.#offset += bytes.length
  }

  /** Puts the piece down as here once `check` resolves. From then on no bytes are written to it. */
  async land(check: () => Promise<void>): Promise<void> {
    this.#mustBe('open')
    if (this.#offset !== this.#range.end) throw new RangeError(`piece ${this.piece} is not complete`)
    this.#state = 'landing'
    try {
      await check()
      await this.#port.commit()
    } finally {
      this.#end(0)
    }
  }

  /** Ends the writer; with `keep`, the next request to the Hub goes on behind what it wrote. Gives the length of that. */
  close({ keep = false }: { readonly keep?: boolean } = {}): number {
    if (this.#state !== 'open') return 0
    const kept = keep ? this.#offset - this.#range.start : 0
    this.#end(kept)
    return kept
  }

  /** Resolves when the writer is closed and the system has finished all its writes. */
  settled(): Promise<void> {
    return this.#settled.promise
  }

  #end(kept: number): void {
    this.#state = 'closed'
    const settle = () => {
      this.#port.closed(kept)
      this.#settled.resolve()
    }
    this.#writing.then(settle, settle)
  }

  #mustBe(state: 'open'): void {
    if (this.#state !== state) throw new WriterClosedError(this.piece)
  }
}
