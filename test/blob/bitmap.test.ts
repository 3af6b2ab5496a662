import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { Bitmap } from '../../src/blob/bitmap.ts'

const bitmaps = fc
  .integer({ min: 0, max: 300 })
  .chain((size) =>
    fc.tuple(
      fc.constant(size),
      size === 0 ? fc.constant([]) : fc.array(fc.integer({ min: 0, max: size - 1 })),
    ),
  )

function filled(size: number, indices: readonly number[]): Bitmap {
  const bitmap = new Bitmap(size)
  for (const index of indices) bitmap.add(index)
  return bitmap
}

describe('a bitmap', () => {
  test('holds exactly what was put in, counted once each, in ascending order', () => {
    fc.assert(
      fc.property(bitmaps, ([size, indices]) => {
        const bitmap = filled(size, indices)
        const expected = [...new Set(indices)].sort((a, b) => a - b)
        expect([...bitmap]).toEqual(expected)
        expect(bitmap.count).toBe(expected.length)
        expect(bitmap.isFull).toBe(expected.length === size)
      }),
    )
  })

  test('survives the way through text', () => {
    fc.assert(
      fc.property(bitmaps, ([size, indices]) => {
        const bitmap = filled(size, indices)
        const copy = Bitmap.fromBase64(bitmap.toBase64(), size)
        expect(copy && [...copy]).toEqual([...bitmap])
      }),
    )
  })

  test('takes no text that is not exactly a bitmap of its size', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 200 }), (text, size) => {
        const bitmap = Bitmap.fromBase64(text, size)
        if (bitmap) expect(bitmap.toBase64()).toBe(text)
      }),
    )
    expect(Bitmap.fromBase64(filled(16, [15]).toBase64(), 15)).toBeUndefined()
    expect(Bitmap.fromBase64(filled(8, [1]).toBase64(), 9)).toBeUndefined()
  })

  test('loses what is taken out, and finds the first that is missing', () => {
    const bitmap = new Bitmap(10)
    bitmap.addAll()
    expect(bitmap.firstMissing()).toBe(10)
    bitmap.delete(3)
    bitmap.delete(3)
    bitmap.delete(7)
    expect(bitmap.count).toBe(8)
    expect(bitmap.firstMissing()).toBe(3)
    expect(bitmap.firstMissing(4)).toBe(7)
  })

  test('refuses an index outside its range and says of none that it is in', () => {
    const bitmap = new Bitmap(3)
    for (const index of [-1, 3, 0.5, Number.NaN]) expect(() => bitmap.add(index)).toThrow(RangeError)
    expect(bitmap.has(-1) || bitmap.has(3)).toBe(false)
  })
})
