import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { Ownership } from '../../src/schedule/ownership.ts'
import { HUB, type Lease, type PieceBoard } from '../../src/schedule/piece-board.ts'
import {
  chooseHedge,
  needlessLeases,
  overlongLeases,
  overtakenLeases,
  stalledLeases,
  surplusLeases,
} from '../../src/schedule/rescue.ts'
import {
  BEGUN_SHARE,
  CROWD,
  HALF_DONE_SHARE,
  HEDGE_AFTER_MS,
  HEDGE_BYTES,
  LEAST_CHANCE_MS,
  SLOWER_BY,
  WORTH_WAITING_MS,
} from '../../src/schedule/tuning.ts'
import { peerId, sampleOid } from '../swarm/samples.ts'
import { createBoard, joinPeer, PIECE_SIZE, ringOf } from './board-samples.ts'

const PATIENCE_MS = 1_500

function fromHub(board: PieceBoard, start: number, changes: Partial<Lease> = {}): Lease {
  return Object.assign(board.startLease(HUB, start, start + 1, 0), changes)
}

function fromPeer(board: PieceBoard, n: number, start: number, changes: Partial<Lease> = {}): Lease {
  return Object.assign(board.startLease(peerId(n), start, start + 1, 0), changes)
}

test('a range has stalled that has not moved for too long, unless what it brought waits here', () => {
  const board = createBoard(4)
  const silent = fromHub(board, 0)
  fromHub(board, 1, { movedAt: 1 })
  fromHub(board, 2, { isHeld: true })
  expect(stalledLeases(board, 10_000, 10_000)).toEqual([])
  expect(stalledLeases(board, 10_001, 10_000)).toEqual([silent])
})

describe('ranges from peers that the Hub would bring sooner', () => {
  function overtaken(board: PieceBoard, now: number, most = 4, hubMsPerPiece = 100) {
    return overtakenLeases(board, { now, hubMsPerPiece, most })
  }

  test('are none while there are free pieces to ask the Hub for', () => {
    const board = createBoard(2)
    fromPeer(board, 1, 0)
    expect(overtaken(board, 60_000)).toEqual([])
    fromHub(board, 1)
    expect(overtaken(board, 60_000)).toHaveLength(1)
  })

  test('have had their chance first', () => {
    const board = createBoard(1)
    const slow = fromPeer(board, 1, 0)
    expect(overtaken(board, LEAST_CHANCE_MS - 1)).toEqual([])
    expect(overtaken(board, LEAST_CHANCE_MS + 1)).toEqual([slow])
  })

  test('are the oldest ones, and as many as there are connections to the Hub', () => {
    const board = createBoard(3)
    const [young, old, older] = [3_000, 2_000, 1_000].map((pieceStartedAt, piece) =>
      fromPeer(board, 1, piece, { pieceStartedAt }),
    )
    expect(overtaken(board, 9_000, 2).toSorted((a, b) => a.at - b.at)).toEqual(
      [old, older].filter((lease) => lease !== undefined),
    )
    expect(overtaken(board, 9_000, 0)).toEqual([])
    expect(overtaken(board, 9_000, 3)).toContain(young ?? expect.unreachable())
  })

  test('are not those that are through before the Hub could be, or in a moment', () => {
    const board = createBoard(1)
    const now = 10_000
    const lease = fromPeer(board, 1, 0, { movedAt: now })
    const leftAfter = (ms: number) => Math.floor((PIECE_SIZE * now) / (now + ms))
    lease.bytes = leftAfter(WORTH_WAITING_MS - 10)
    expect(overtaken(board, now)).toEqual([])
    lease.bytes = leftAfter(2_000)
    expect(overtaken(board, now)).toEqual([lease])
    expect(overtaken(board, now, 4, 3_000)).toEqual([])
  })
})

describe('requests to the Hub that bring nothing new', () => {
  function needless(board: PieceBoard, { peersAreSlow = false, now = 0 } = {}) {
    return needlessLeases(board, ringOf(board), { now, patience: PATIENCE_MS, peersAreSlow })
  }

  test('are those for what a peer has by now, unless peers are too slow', () => {
    const board = createBoard(2)
    const lease = fromHub(board, 0)
    fromHub(board, 1)
    joinPeer(board, 1, { pieces: [0] })
    expect(needless(board)).toEqual([lease])
    expect(needless(board, { peersAreSlow: true })).toEqual([])
  })

  test('are not those that are more than half done, nor those that peers made necessary', () => {
    const board = createBoard(1)
    const lease = fromHub(board, 0)
    joinPeer(board, 1, { pieces: [0] })
    lease.bytes = HALF_DONE_SHARE * PIECE_SIZE + 1
    expect(needless(board)).toEqual([])
    lease.bytes = 0
    lease.isFirm = true
    expect(needless(board)).toEqual([])
  })

  test('are those of all but one of any members that fetch the same piece, for all of them alike', () => {
    const ids = fc.uniqueArray(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(ids, (others) => {
        const board = createBoard(1)
        const lease = fromHub(board, 0)
        for (const n of others) board.peerFetches(joinPeer(board, n), new Map([[0, 0]]))
        const first = new Ownership(sampleOid(), [board.self, ...others.map(peerId)]).ownerOf(0)
        expect(needless(board)).toEqual(first === board.self ? [] : [lease])
        // Those that make no progress any more do not count.
        expect(needless(board, { now: PATIENCE_MS + 1 })).toEqual([])
      }),
    )
  })

  test('are those for what a member of the ring fetches, where this peer is none, whatever their ranks for the piece', () => {
    const pieces = 64
    const board = createBoard(pieces)
    for (let n = 1; n <= 45; n += 1) joinPeer(board, n)
    const { members } = ringOf(board)
    expect(members).not.toContain(board.self)
    const [member = ''] = members
    const view = board.peers.get(member)
    if (!view) throw new Error('a member is on the board')
    const isMine = (piece: number) =>
      new Ownership(sampleOid(), [board.self, member]).ownerOf(piece) === board.self
    const mine = Array.from({ length: pieces }, (_, piece) => piece).filter(isMine)
    expect(mine.length).toBeGreaterThan(0)
    board.peerFetches(view, new Map(mine.map((piece) => [piece, 0])))
    const leases = mine.map((piece) => fromHub(board, piece))
    expect(needless(board)).toEqual(leases)
  })
})

describe('requests to the Hub beyond what one member may have', () => {
  test('are those that have brought least', () => {
    const board = createBoard(4)
    fromHub(board, 0, { bytes: 1_000 })
    const least = [fromHub(board, 1), fromHub(board, 2)]
    expect(surplusLeases(board, 3)).toEqual([])
    expect(surplusLeases(board, 2)).toEqual(least.slice(1))
    expect(surplusLeases(board, 1)).toEqual(least)
    expect(surplusLeases(board, Number.POSITIVE_INFINITY)).toEqual([])
  })

  test('are not cut once bytes have come, nor when peers made them necessary', () => {
    const board = createBoard(4)
    fromHub(board, 0, { bytes: BEGUN_SHARE * PIECE_SIZE })
    fromHub(board, 1, { isFirm: true })
    expect(surplusLeases(board, 0)).toEqual([])
  })

  test('are cut until they are half done in a crowd, where not all hear of them', () => {
    const board = createBoard(4)
    const begun = fromHub(board, 0, { bytes: HALF_DONE_SHARE * PIECE_SIZE - 1 })
    fromHub(board, 1, { bytes: HALF_DONE_SHARE * PIECE_SIZE })
    for (let n = 1; n < CROWD; n += 1) joinPeer(board, n)
    expect(surplusLeases(board, 0)).toEqual([])
    joinPeer(board, CROWD)
    expect(surplusLeases(board, 0)).toEqual([begun])
  })
})

test('a long request ends where pieces of other members begin, but never for a peer that is alone', () => {
  const board = createBoard(8)
  const lease = board.startLease(HUB, 0, 8, 0)
  expect(overlongLeases(board, ringOf(board))).toEqual([])
  joinPeer(board, 1)
  const ring = ringOf(board)
  let end = 1
  while (end < 8 && ring.ownerOf(end) === board.self) end += 1
  expect(overlongLeases(board, ring)).toEqual([{ lease, end }])
})

describe('a rival for a slow range', () => {
  test('is another peer that has the piece, once the first sends nothing', () => {
    const board = createBoard(2)
    joinPeer(board, 1, { pieces: [0] })
    const slow = fromPeer(board, 1, 0)
    expect(chooseHedge(board, HEDGE_AFTER_MS + 1)).toBeUndefined()
    const peer = joinPeer(board, 2, { pieces: [0] })
    expect(chooseHedge(board, HEDGE_AFTER_MS)).toBeUndefined()
    expect(chooseHedge(board, HEDGE_AFTER_MS + 1)).toEqual({ slow, peer })
    board.startLease(peer.id, 0, 1, HEDGE_AFTER_MS + 1)
    expect(chooseHedge(board, 60_000)).toBeUndefined()
  })

  test('takes the place of one that moves, when it would be far quicker', () => {
    const board = createBoard(1)
    const now = 2_000
    const slow = fromPeer(board, 1, 0, { movedAt: now, bytes: 100_000 })
    const msLeft = (PIECE_SIZE - slow.bytes) / (slow.bytes / now)
    const peer = joinPeer(board, 2, { pieces: [0], rate: (0.9 * SLOWER_BY * PIECE_SIZE) / msLeft })
    expect(chooseHedge(board, now)).toBeUndefined()
    peer.rate = (1.1 * SLOWER_BY * PIECE_SIZE) / msLeft
    expect(chooseHedge(board, now)).toEqual({ slow, peer })
  })

  test('is sought only while there is memory for what it brings', () => {
    const most = HEDGE_BYTES / PIECE_SIZE
    const board = createBoard(most + 1)
    joinPeer(board, 1, { pieces: 'all', slots: 100 })
    for (let piece = 0; piece < most - 1; piece += 1) {
      fromPeer(board, 2, piece)
      fromPeer(board, 3, piece)
    }
    fromPeer(board, 2, most)
    expect(chooseHedge(board, 60_000)).toBeDefined()
    fromPeer(board, 2, most - 1)
    fromPeer(board, 3, most - 1)
    expect(chooseHedge(board, 60_000)).toBeUndefined()
  })
})
