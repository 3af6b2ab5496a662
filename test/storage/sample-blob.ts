import { createHash } from 'node:crypto'
import { type Oid, parseOid } from '../../src/blob/oid.ts'
import { pieceCountOf, pieceRange } from '../../src/blob/pieces.ts'

/** Content in which no two pieces are alike, and its oid. */
export interface SampleBlob {
  readonly bytes: Uint8Array
  readonly oid: Oid
}

/** Makes `size` bytes that follow from `seed`. */
export function sampleBlob(size: number, seed = 1): SampleBlob {
  const words = new Uint32Array(Math.ceil(size / 4))
  let state = seed
  for (let index = 0; index < words.length; index += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    words[index] = state ^ (index >>> 4)
  }
  const bytes = new Uint8Array(words.buffer, 0, size)
  return { bytes, oid: parseOid(createHash('sha256').update(bytes).digest('hex')) }
}

/** The bytes of one piece. */
export function pieceOf(blob: SampleBlob, index: number): Uint8Array {
  const { start, end } = pieceRange(blob.bytes.length, index)
  return blob.bytes.subarray(start, end)
}

interface WritableBlob {
  write(bytes: Uint8Array, offset: number): Promise<void>
  commit(index: number): Promise<void>
}

/** Writes and commits the given pieces, all by default. */
export async function writePieces(
  file: WritableBlob,
  blob: SampleBlob,
  indices: Iterable<number> = Array.from({ length: pieceCountOf(blob.bytes.length) }, (_, index) => index),
): Promise<void> {
  for (const index of indices) {
    await file.write(pieceOf(blob, index), pieceRange(blob.bytes.length, index).start)
    await file.commit(index)
  }
}
