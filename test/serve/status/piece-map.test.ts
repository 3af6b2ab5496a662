import { expect, test } from 'bun:test'
import { Bitmap } from '../../../src/blob/bitmap.ts'
import { pieceMap } from '../../../src/serve/status/piece-map.ts'
import { LandedPieces } from '../../../src/transfer/writing/landed-pieces.ts'

/** Pieces by letter: from the Hub, a peer, this disk, or missing. */
function piecesOf(letters: string): LandedPieces {
  const bitmap = new Bitmap(letters.length)
  const pieces = new LandedPieces(bitmap)
  for (const [at, letter] of [...letters].entries()) {
    if (letter === 'm') continue
    bitmap.add(at)
    const source = letter === 'h' ? 'hub' : 'a-peer'
    if (letter !== 'd') pieces.note(at, { source, isVouchedFor: false, digest: undefined })
  }
  return pieces
}

test('few pieces have a cell each', () => {
  expect(pieceMap(piecesOf('hpdm'), 10)).toBe('hpdm')
  expect(pieceMap(piecesOf('m'), 10)).toBe('m')
})

test('many share cells: each shows the commonest source once half of its pieces are here', () => {
  expect(pieceMap(piecesOf('hhhpppdddmmm'), 4)).toBe('hpdm')
  expect(pieceMap(piecesOf('hhmmppmmmmmp'), 3)).toBe('hpm')
  expect(pieceMap(piecesOf('h'.repeat(1000)), 160)).toBe('h'.repeat(160))
})

test('every piece is in one cell', () => {
  for (const count of [1, 7, 159, 160, 161, 3200])
    expect(pieceMap(piecesOf('p'.repeat(count)), 160)).toMatch(/^p+$/)
})
