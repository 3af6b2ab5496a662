import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { Bitmap } from '../../src/blob/bitmap.ts'
import { hasStalled, isQueuedBehind, OwnershipRing, stripeLength } from '../../src/schedule/ownership-ring.ts'
import { PieceBoard } from '../../src/schedule/piece-board.ts'
import { AIMED_STRIPES, MAX_HUB_MEMBERS, SHARED_CONNECTIONS } from '../../src/schedule/tuning.ts'
import { peerId, sampleOid } from '../swarm/samples.ts'
import { createBoard, joinPeer, PIECE_SIZE, ringOf } from './board-samples.ts'

const PIECES = 64
const PATIENCE_MS = 1_500

describe('the members of a ring', () => {
  test('are this peer and those that ask the Hub, still lack something and make progress', () => {
    const board = createBoard(PIECES)
    const asking = joinPeer(board, 1)
    joinPeer(board, 2, { asksHub: false })
    joinPeer(board, 3, { pieces: 'all' })
    joinPeer(board, 4, { progressAt: -PATIENCE_MS - 1 })
    expect([...ringOf(board).members].sort()).toEqual([board.self, asking.id].sort())
    expect(ringOf(board, { selfAsksHub: false }).members).toEqual([asking.id])
    expect(ringOf(board, { isAlone: true }).members).toEqual([board.self])
    expect(ringOf(board, { isAlone: true, selfAsksHub: false }).ownerOf(0)).toBeUndefined()
  })

  test('leave when they stall and come back when they move, as is seen at a tick', () => {
    const board = createBoard(PIECES)
    const peer = joinPeer(board, 1)
    const ring = new OwnershipRing(board)
    const sizeAt = (now: number, isTick = true) => {
      ring.refresh({ now, selfAsksHub: true, isTick, patience: PATIENCE_MS })
      return ring.members.length
    }
    expect(sizeAt(0)).toBe(2)
    expect(sizeAt(PATIENCE_MS + 1, false)).toBe(2)
    expect(sizeAt(PATIENCE_MS + 1)).toBe(1)
    peer.progressAt = PATIENCE_MS + 1
    expect(sizeAt(PATIENCE_MS + 2)).toBe(2)
    board.removePeer(peer.id)
    expect(sizeAt(PATIENCE_MS + 3, false)).toBe(1)
  })

  test('have sixteen connections to the Hub between them, and none those that are not drawn', () => {
    expect(ringOf(createBoard(PIECES)).hubShare).toBe(Number.POSITIVE_INFINITY)
    const board = createBoard(PIECES)
    for (let n = 1; n < 60; n += 1) {
      joinPeer(board, n)
      const ring = ringOf(board)
      expect(ring.members.length).toBe(Math.min(n + 1, MAX_HUB_MEMBERS))
      const share = Math.ceil(SHARED_CONNECTIONS / ring.members.length)
      expect(ring.hubShare).toBe(ring.members.includes(board.self) ? share : 0)
    }
  })
})

describe('the owner of a piece', () => {
  const numbers = fc.uniqueArray(fc.integer({ min: 0, max: 500 }), { minLength: 2, maxLength: 24 })

  /** The ring as peer `self` sees it. */
  function seenBy(self: number, all: readonly number[], pieceCount = PIECES): OwnershipRing {
    const have = new Bitmap(pieceCount)
    const board = new PieceBoard({
      pieceCount,
      pieceSize: PIECE_SIZE,
      have,
      self: peerId(self),
      oid: sampleOid(),
    })
    for (const n of all) if (n !== self) joinPeer(board, n)
    return ringOf(board)
  }

  test('is a member, and the same for all of them in whatever order they met', () => {
    fc.assert(
      fc.property(numbers, (all) => {
        const [one, ...others] = all.map((self, at) => seenBy(self, at % 2 ? all : all.toReversed()))
        for (let piece = 0; piece < PIECES; piece += 1) {
          const owner = one?.ownerOf(piece)
          expect(one?.members).toContain(owner ?? expect.unreachable())
          for (const other of others) expect(other.ownerOf(piece)).toBe(owner)
        }
      }),
      { numRuns: 40 },
    )
  })

  test('changes only for pieces of a member that goes', () => {
    fc.assert(
      fc.property(numbers, (all) => {
        const [self = 0, gone = 0] = all
        const few = all.slice(0, MAX_HUB_MEMBERS)
        const [before, after] = [
          seenBy(self, few),
          seenBy(
            self,
            few.filter((n) => n !== gone),
          ),
        ]
        for (let piece = 0; piece < PIECES; piece += 1)
          if (before.ownerOf(piece) !== peerId(gone))
            expect(after.ownerOf(piece)).toBe(before.ownerOf(piece) ?? expect.unreachable())
      }),
      { numRuns: 40 },
    )
  })

  test('is the same for a whole stripe, and no blob has more stripes than are aimed at', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4_096 }), numbers, (pieceCount, all) => {
        const length = stripeLength(pieceCount)
        expect(Math.ceil(pieceCount / length)).toBeLessThanOrEqual(AIMED_STRIPES)
        const ring = seenBy(all[0] ?? 0, all, pieceCount)
        for (let piece = 0; piece < pieceCount; piece += 1)
          expect(ring.ownerOf(piece)).toBe(ring.ownerOf(piece - (piece % length)) ?? expect.unreachable())
      }),
      { numRuns: 20 },
    )
  })

  test('is the first in rank among those that are asked about', () => {
    const ring = seenBy(0, [0, 1, 2, 3])
    const all = [0, 1, 2, 3].map(peerId)
    for (let piece = 0; piece < PIECES; piece += 1) {
      const owner = ring.ownerOf(piece)
      expect(ring.rankAmong(all)(piece)).toBe(owner)
      const second = ring.rankAmong(all.filter((id) => id !== owner))(piece)
      expect(second).not.toBe(owner)
    }
    expect(ring.rankAmong([])(0)).toBeUndefined()
  })
})

test('a peer that has no room for one more listener takes its share all the same, until it is gone', () => {
  const board = createBoard(PIECES)
  for (let n = 1; n < MAX_HUB_MEMBERS; n += 1) board.addCrowded(peerId(n))
  const ring = ringOf(board)
  expect(ring.members.toSorted()).toEqual([board.self, ...board.crowded].toSorted())
  expect(ring.hubShare).toBe(1)
  ring.refresh({ now: 0, selfAsksHub: true, isTick: true, patience: PATIENCE_MS, isAlone: true })
  expect(ring.members).toEqual([board.self])
  joinPeer(board, 1)
  for (const id of [...board.crowded].slice(1)) board.removePeer(id)
  ring.refresh({ now: 0, selfAsksHub: true, isTick: true, patience: PATIENCE_MS })
  expect(ring.members).toHaveLength(3)
  board.removePeer(peerId(1))
  for (const id of board.crowded) board.removePeer(id)
  ring.refresh({ now: 0, selfAsksHub: true, isTick: true, patience: PATIENCE_MS })
  expect(ring.members).toEqual([board.self])
})

test('a piece is queued behind the one before it when both come by the same request', () => {
  const board = createBoard(4 * AIMED_STRIPES)
  const peer = joinPeer(board, 1)
  board.peerFetches(
    peer,
    new Map([
      [0, 0],
      [1, 0],
      [3, 0],
      [4, 0],
    ]),
  )
  expect([0, 1, 3, 4].filter((piece) => isQueuedBehind(peer, piece))).toEqual([1])
})

test('a peer has stalled when it has landed and begun nothing for longer than the patience', () => {
  const peer = joinPeer(createBoard(1), 1, { progressAt: 100 })
  expect(hasStalled(peer, { now: 100 + PATIENCE_MS, patience: PATIENCE_MS })).toBe(false)
  expect(hasStalled(peer, { now: 101 + PATIENCE_MS, patience: PATIENCE_MS })).toBe(true)
})
