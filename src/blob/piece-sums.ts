import { crc32 } from 'node:zlib'
import { pieceRange, pieceSizeOf } from './pieces.ts'

/** As much of a CRC-32 as a journal's record has room for. 0 stands for no sum. */
const SUM_MASK = 0xff_ff_ff

/** Sums that tell a piece that rotted on disk from one that is as it was written. No proof of anything else. */
export class PieceSums {
  readonly #size: number
  /** By piece: the sum of its bytes from its beginning up to `end`. */
  readonly #growing = new Map<number, { readonly end: number; readonly sum: number }>()

  constructor(size: number) {
    this.#size = size
  }

  /** Notes bytes that were written at `offset`. A piece that is not written from its beginning on gets no sum. */
  wrote(bytes: Uint8Array, offset: number): void {
    const piece = Math.floor(offset / pieceSizeOf(this.#size))
    const { start, end } = pieceRange(this.#size, piece)
    const before = offset === start ? { end: start, sum: 0 } : this.#growing.get(piece)
    if (before?.end !== offset || offset + bytes.length > end) this.#growing.delete(piece)
    else this.#growing.set(piece, { end: offset + bytes.length, sum: crc32(bytes, before.sum) })
  }

  /** The sum of a piece that is complete, or 0; it is forgotten here. */
  take(piece: number): number {
    const grown = this.#growing.get(piece)
    this.#growing.delete(piece)
    return grown?.end === pieceRange(this.#size, piece).end ? maskedSum(grown.sum) : 0
  }
}

/** The sum of a whole piece. */
export function sumOf(bytes: Uint8Array): number {
  return maskedSum(crc32(bytes))
}

function maskedSum(sum: number): number {
  return sum & SUM_MASK || 1
}
