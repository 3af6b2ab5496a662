import { randomBytes } from 'node:crypto'
import { parseOid } from '../../../src/blob/oid.ts'
import { pieceCountOf } from '../../../src/blob/pieces.ts'
import { score } from '../../../src/schedule/ownership.ts'
import { allPieces, type BlobRequest, type Conduct, noPieces, pauseFor } from './hostile-peer.ts'

const IDS_TRIED = 3000
const OWNERS = 8

/** Says each `everyMs` that it fetches all pieces. */
async function claimAll({ exchange, bytes }: BlobRequest, everyMs: number): Promise<void> {
  const all = allPieces(bytes)
  for (let isEmpty = true; ; isEmpty = !isEmpty) {
    if (!(await exchange.write(`${JSON.stringify({ fetching: isEmpty ? [] : all })}\n`))) return
    await pauseFor(exchange.signal, everyMs)
  }
}

/** Peers that promise pieces and never have them. */
export const claimConducts = {
  /** Claims each second that it is fetching all pieces. */
  claims: (): readonly Conduct[] => [
    {
      document: (document, bytes) => ({ ...document, complete: false, have: noPieces(bytes) }),
      follow: (request) => claimAll(request, 1000),
      range: ({ exchange, peer }) => peer.refuse(exchange, 503, 'not here yet'),
    },
  ],
  /** Peers of one host whose ids own the pieces, and which fetch for ever. */
  owners: (oids: readonly string[]): readonly Conduct[] =>
    groundIds(oids[0] ?? '').map((id, index) => ({
      id,
      document: (document, bytes) => ({
        ...document,
        complete: false,
        have: noPieces(bytes),
        asksHub: true,
        fetching: pieceOf(bytes, index),
      }),
      async follow({ exchange, bytes }) {
        for (let piece = index; ; piece += OWNERS) {
          if (!(await exchange.write(`${JSON.stringify({ fetching: pieceOf(bytes, piece) })}\n`))) return
          await pauseFor(exchange.signal, 500)
        }
      },
      range: ({ exchange, peer }) => peer.refuse(exchange, 503, 'not here yet'),
    })),
  /** Says piece by piece that it has more, and then that all of it is lost. */
  fickle: (): readonly Conduct[] => [
    {
      document: (document, bytes) => ({ ...document, complete: false, have: noPieces(bytes) }),
      async follow({ exchange, bytes }) {
        const all = allPieces(bytes)
        for (let has = true; ; has = !has) {
          if (!(await exchange.write(`${JSON.stringify(has ? { have: all } : { lost: all })}\n`))) return
          await pauseFor(exchange.signal, 150)
        }
      },
      range: ({ exchange, peer }) => peer.refuse(exchange, 503, 'not here yet'),
    },
  ],
}

function pieceOf(bytes: Uint8Array, index: number): number[] {
  const count = pieceCountOf(bytes.length)
  return count === 0 ? [] : [index % count]
}

/** Ids that are drawn into the members that ask the Hub for a blob. */
function groundIds(oid: string): string[] {
  const parsed = parseOid(oid)
  return Array.from({ length: IDS_TRIED }, () => randomBytes(8).toString('hex'))
    .map((id) => ({ id, score: score(id, parsed, -1) }))
    .sort((a, b) => b.score - a.score)
    .slice(0, OWNERS)
    .map(({ id }) => id)
}
