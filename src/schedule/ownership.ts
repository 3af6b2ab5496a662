import type { Oid } from '../blob/oid.ts'
import { MAX_HUB_MEMBERS } from './tuning.ts'

/** Piece numbers that no blob has: they give the questions about a whole blob their own, independent scores. */
export const MEMBER_DRAW = -1
const START_DRAW = -2

/** The final mix of MurmurHash3: every input bit changes every output bit with even odds. */
function mix(value: number): number {
  let hash = value
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function hashText(text: string, seed: number): number {
  let hash = seed
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
    hash = (hash << 13) | (hash >>> 19)
  }
  return mix(hash ^ text.length)
}

/** What a peer's scores for one blob start from; 64 bits, so that no two peers share all their scores. */
interface Lanes {
  readonly high: number
  readonly low: number
}

function lanesOf(peerId: string, oid: string): Lanes {
  const text = `${peerId}/${oid}`
  return { high: hashText(text, 0x9747b28c), low: hashText(text, 0x5bd1e995) }
}

function scoreOf(lanes: Lanes, piece: number): number {
  const high = mix(lanes.high ^ mix(Math.imul(piece, 0x9e3779b1)))
  const low = mix(lanes.low ^ high)
  return (high >>> 11) * 2 ** 32 + low
}

/**
 * The rendezvous score of a peer for a piece: an integer below 2^53, the same on every platform. Not
 * cryptographic: a peer that picks its id can own what it likes, and gains only work by it.
 */
export function score(peerId: string, oid: Oid, piece: number): number {
  return scoreOf(lanesOf(peerId, oid), piece)
}

interface Scored {
  readonly id: string
  readonly score: number
}

/** Highest score first; equal scores are settled by id, so that every peer orders alike. */
function byScore(a: Scored, b: Scored): number {
  return b.score - a.score || (a.id < b.id ? -1 : 1)
}

/** Who asks the Hub for which piece of one blob, given the members that may. Build it anew when they change. */
export class Ownership {
  readonly #members: readonly { readonly id: string; readonly lanes: Lanes }[]

  constructor(oid: Oid, members: Iterable<string>) {
    this.#members = [...new Set(members)].map((id) => ({ id, lanes: lanesOf(id, oid) }))
  }

  /** The member that asks the Hub for `piece`; undefined only when there are no members. */
  ownerOf(piece: number): string | undefined {
    let best: Scored | undefined
    for (const { id, lanes } of this.#members) {
      const candidate = { id, score: scoreOf(lanes, piece) }
      if (!best || byScore(candidate, best) < 0) best = candidate
    }
    return best?.id
  }

  /** The members in the order in which they step in for `piece`, its owner first. */
  rank(piece: number): string[] {
    return this.#members
      .map(({ id, lanes }) => ({ id, score: scoreOf(lanes, piece) }))
      .sort(byScore)
      .map(({ id }) => id)
  }
}

/** The bounded set of members that goes to the Hub for a blob, best first; all peers draw the same set. */
export function hubMembers(oid: Oid, members: Iterable<string>, limit = MAX_HUB_MEMBERS): string[] {
  return new Ownership(oid, members).rank(MEMBER_DRAW).slice(0, limit)
}

/** The piece at which a peer begins while it knows no other peer: peers that start together begin apart. */
export function startPiece(peerId: string, oid: Oid, pieceCount: number): number {
  return pieceCount === 0 ? 0 : score(peerId, oid, START_DRAW) % pieceCount
}
