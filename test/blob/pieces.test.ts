import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { pieceCountOf, pieceRange, pieceSizeOf } from '../../src/blob/pieces.ts'

const sizes = fc.oneof(
  fc.integer({ min: 1, max: 2 ** 22 }),
  fc.maxSafeNat().map((size) => (size % 2 ** 43) + 1),
)

test('the pieces of a blob cover it without gap or overlap', () => {
  fc.assert(
    fc.property(sizes, (size) => {
      const count = pieceCountOf(size)
      const last = pieceRange(size, count - 1)
      expect(pieceRange(size, 0).start).toBe(0)
      expect(last.end).toBe(size)
      expect(last.end).toBeGreaterThan(last.start)
      const middle = Math.floor(count / 2)
      if (middle > 0) expect(pieceRange(size, middle).start).toBe(pieceRange(size, middle - 1).end)
    }),
  )
})

test('the piece size is a power of two from 1 to 16 MiB and grows with the blob', () => {
  fc.assert(
    fc.property(sizes, (size) => {
      const pieceSize = pieceSizeOf(size)
      expect(Math.log2(pieceSize) % 1).toBe(0)
      expect(pieceSize).toBeGreaterThanOrEqual(2 ** 20)
      expect(pieceSize).toBeLessThanOrEqual(2 ** 24)
      expect(pieceSizeOf(size * 2)).toBeGreaterThanOrEqual(pieceSize)
    }),
  )
  expect(pieceSizeOf(2 ** 31)).toBe(2 ** 21)
})

test('an empty blob has no pieces', () => {
  expect(pieceCountOf(0)).toBe(0)
})
