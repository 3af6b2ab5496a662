import type { LandedPieces } from '../../transfer/writing/landed-pieces.ts'

type Pieces = Pick<LandedPieces, 'size' | 'kindOf'>

/** The letters of a map: from the Hub, from peers, from this disk, and missing. */
const letters = { hub: 'h', peers: 'p', local: 'd', missing: 'm' } as const

/** The pieces of a blob in at most `most` cells of about as many pieces each, as one letter a cell. */
export function pieceMap(pieces: Pieces, most: number): string {
  const count = Math.min(most, pieces.size)
  const startOf = (cell: number) => Math.floor((cell * pieces.size) / count)
  const cells = Array.from({ length: count }, (_, at) => commonest(pieces, startOf(at), startOf(at + 1)))
  return cells.map((kind) => letters[kind]).join('')
}

/** Where most of some pieces came from; missing until half of them are here. */
function commonest(pieces: Pieces, start: number, end: number): keyof typeof letters {
  const counts = { hub: 0, peers: 0, local: 0, missing: 0 }
  for (let piece = start; piece < end; piece += 1) counts[pieces.kindOf(piece) ?? 'missing'] += 1
  if (counts.missing * 2 > end - start) return 'missing'
  if (counts.hub >= Math.max(counts.peers, counts.local)) return 'hub'
  return counts.peers >= counts.local ? 'peers' : 'local'
}
