import { pieceRange } from '../../blob/pieces.ts'
import { BlockWriter } from './block-writer.ts'
import { type PieceWriter, type PieceWriters, WriterClosedError } from './piece-writers.ts'

/** Where a request puts the bytes of the piece that it is at; one piece, once. */
export interface PieceSink {
  /** Bytes of the piece that are still to come. */
  readonly left: number
  /**
   * Takes the bytes that come next, `left` at the most; they may be changed once this resolves, or at once where it
   * gives nothing to wait for.
   */
  add(bytes: Uint8Array): Promise<void> | undefined
  /**
   * Puts the complete piece down as here once `check` has read it back from the file and resolves; false when it
   * landed from elsewhere meanwhile. Throws what `check` throws.
   */
  land(check: () => Promise<void>): Promise<boolean>
  /**
   * Ends the sink; with `keep` the next request to the Hub goes on behind its bytes, and it gives their number. May be
   * called at any time and more than once.
   */
  close(options: { readonly keep: boolean }): Promise<number>
}

/** Writes the piece where it belongs, as its only writer. */
export class FileSink implements PieceSink {
  readonly #writer: PieceWriter
  readonly #blocks: BlockWriter
  #left: number
  #adding: Promise<void> | undefined
  #closing: Promise<number> | undefined

  /** `block` is the sink's as long as it is in use. */
  constructor(writer: PieceWriter, block: Uint8Array) {
    this.#writer = writer
    this.#blocks = new BlockWriter(writer, writer.offset, block)
    this.#left = writer.left
  }

  get left(): number {
    return this.#left
  }

  add(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#closing) throw new WriterClosedError(this.#writer.piece)
    this.#adding = this.#blocks.add(bytes)
    const took = () => {
      this.#left -= bytes.length
    }
    if (this.#adding) return this.#adding.then(took)
    took()
    return undefined
  }

  async land(check: () => Promise<void>): Promise<boolean> {
    await this.#blocks.flush()
    await this.#writer.land(check)
    return true
  }

  close({ keep }: { readonly keep: boolean }): Promise<number> {
    this.#closing ??= this.#close(keep)
    return this.#closing
  }

  async #close(keep: boolean): Promise<number> {
    if (keep) await this.#flush().catch(() => {})
    const kept = this.#writer.close({ keep })
    await this.#writer.settled()
    return kept
  }

  async #flush(): Promise<void> {
    await this.#adding
    await this.#blocks.flush()
  }
}

/** Gathers a piece that another request writes, and takes its place once all bytes are there. */
export class BufferSink implements PieceSink {
  readonly #writers: PieceWriters
  readonly #piece: number
  readonly #bytes: Uint8Array
  #filled = 0

  constructor(writers: PieceWriters, piece: number, size: number) {
    this.#writers = writers
    this.#piece = piece
    const { start, end } = pieceRange(size, piece)
    this.#bytes = new Uint8Array(end - start)
  }

  get left(): number {
    return this.#bytes.length - this.#filled
  }

  add(bytes: Uint8Array): undefined {
    this.#bytes.set(bytes, this.#filled)
    this.#filled += bytes.length
  }

  async land(check: () => Promise<void>): Promise<boolean> {
    const writer = await this.#writers.takeOver(this.#piece)
    if (!writer) return false
    try {
      await writer.write(this.#bytes)
      await writer.land(check)
      return true
    } finally {
      writer.close()
    }
  }

  async close(): Promise<number> {
    return 0
  }
}

/** Lets bytes of a piece pass that is here already: a server without ranges sends them all the same. */
export class PassingSink implements PieceSink {
  #left: number

  constructor(length: number) {
    this.#left = length
  }

  get left(): number {
    return this.#left
  }

  add(bytes: Uint8Array): undefined {
    this.#left -= bytes.length
  }

  async land(): Promise<boolean> {
    return false
  }

  async close(): Promise<number> {
    return 0
  }
}
