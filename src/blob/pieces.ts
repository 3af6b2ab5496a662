const MIN_PIECE_SIZE = 2 ** 20
const MAX_PIECE_SIZE = 2 ** 24
const AIMED_PIECES = 1024

/** A half-open range of bytes, `start` included, `end` not. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * The piece size in bytes of a blob: a power of two from 1 MiB to 16 MiB that gives about a thousand pieces.
 * It follows from the size alone, so peers agree on it without talking.
 */
export function pieceSizeOf(blobSize: number): number {
  let pieceSize = MIN_PIECE_SIZE
  while (pieceSize < MAX_PIECE_SIZE && pieceSize * AIMED_PIECES < blobSize) pieceSize *= 2
  return pieceSize
}

/** How many pieces a blob has; 0 for an empty one. */
export function pieceCountOf(blobSize: number): number {
  return Math.ceil(blobSize / pieceSizeOf(blobSize))
}

/** The bytes of piece `index`; the last piece may be short. */
export function pieceRange(blobSize: number, index: number): ByteRange {
  const pieceSize = pieceSizeOf(blobSize)
  return { start: index * pieceSize, end: Math.min(blobSize, (index + 1) * pieceSize) }
}
