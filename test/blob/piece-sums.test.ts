import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { PieceSums, sumOf } from '../../src/blob/piece-sums.ts'
import { pieceRange } from '../../src/blob/pieces.ts'

const MiB = 2 ** 20
const SIZE = 2 * MiB + 1000
const bytes = Uint8Array.from({ length: SIZE }, (_, at) => (at * 31) >> 3)

describe('the sums of pieces', () => {
  test('are the same however a piece was cut when it was written', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: MiB }), { maxLength: 8 }), (cuts) => {
        const sums = new PieceSums(SIZE)
        for (const piece of [2, 0, 1]) {
          const { start, end } = pieceRange(SIZE, piece)
          const ends = [...cuts.map((cut) => start + (cut % (end - start))), end].sort((a, b) => a - b)
          let at = start
          for (const next of ends) {
            if (next > at) sums.wrote(bytes.subarray(at, next), at)
            at = next
          }
          expect(sums.take(piece)).toBe(sumOf(bytes.subarray(start, end)))
        }
      }),
    )
  })

  test('are not told of pieces that were written with a gap, in part, or out of order', () => {
    const sums = new PieceSums(SIZE)
    sums.wrote(bytes.subarray(0, 1000), 0)
    sums.wrote(bytes.subarray(2000, MiB), 2000)
    sums.wrote(bytes.subarray(MiB, MiB + 10), MiB)
    sums.wrote(bytes.subarray(2 * MiB + 500), 2 * MiB + 500)
    sums.wrote(bytes.subarray(2 * MiB, 2 * MiB + 500), 2 * MiB)
    expect([sums.take(0), sums.take(1), sums.take(2)]).toEqual([0, 0, 0])
  })

  test('of a piece that is written anew are those of its new bytes', () => {
    const sums = new PieceSums(SIZE)
    sums.wrote(bytes.subarray(0, MiB / 2), 0)
    sums.wrote(new Uint8Array(MiB), 0)
    expect(sums.take(0)).toBe(sumOf(new Uint8Array(MiB)))
  })
})
