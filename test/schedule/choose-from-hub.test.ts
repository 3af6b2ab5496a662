import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  chooseFromHub,
  chooseSplit,
  type HubSituation,
  isClaimed,
} from '../../src/schedule/choose-from-hub.ts'
import { stripeLength } from '../../src/schedule/ownership-ring.ts'
import { HUB, type PieceBoard } from '../../src/schedule/piece-board.ts'
import { WORTH_SPLITTING_MS } from '../../src/schedule/tuning.ts'
import { createBoard, joinPeer, PIECE_SIZE, ringOf } from './board-samples.ts'

const PIECES = 64
const PATIENCE_MS = 1_500

function choose(board: PieceBoard, situation: Partial<HubSituation> = {}) {
  const now = situation.now ?? 0
  return chooseFromHub(board, ringOf(board, { now, isAlone: situation.hubUse === 'alone' }), {
    now,
    patience: PATIENCE_MS,
    msPerPiece: 100,
    longestRun: 1,
    peersAreSlow: false,
    hubUse: 'shared',
    mayHelp: false,
    ...situation,
  })
}

function ownedBy(board: PieceBoard, id: string): number[] {
  const ring = ringOf(board)
  return Array.from({ length: board.pieceCount }, (_, piece) => piece).filter(
    (piece) => ring.ownerOf(piece) === id,
  )
}

function claim(board: PieceBoard, n: number, pieces: readonly number[], since: number) {
  const peer = joinPeer(board, n, { progressAt: since })
  board.peerFetches(peer, new Map(pieces.map((piece) => [piece, since])))
  return peer
}

describe('a peer that shares the Hub asks it', () => {
  test('for the first piece from its head on that it owns and no peer has', () => {
    const board = createBoard(PIECES)
    const peer = joinPeer(board, 1)
    const [first, second, third] = ownedBy(board, board.self)
    if (first === undefined || second === undefined || third === undefined) return expect.unreachable()
    expect(choose(board)?.start).toBe(first)
    board.peerHas(peer, first, 0)
    expect(choose(board)?.start).toBe(second)
    board.head = second + 1
    expect(choose(board)?.start).toBe(third)
  })

  test('for what peers have as well when they are too slow to wait for', () => {
    const board = createBoard(PIECES)
    joinPeer(board, 1, { pieces: Array.from({ length: PIECES - 1 }, (_, piece) => piece), asksHub: false })
    expect(choose(board)?.start).toBe(PIECES - 1)
    expect(choose(board, { peersAreSlow: true })?.start).toBe(0)
  })

  test('for nothing when all that it owns is here, on its way, or with a peer that fetches it', () => {
    const board = createBoard(PIECES)
    joinPeer(board, 1)
    const [here, coming, ...claimed] = ownedBy(board, board.self)
    if (here === undefined || coming === undefined) return expect.unreachable()
    board.have.add(here)
    board.startLease(HUB, coming, coming + 1, 0)
    claim(board, 1, claimed, 0)
    expect(choose(board)).toBeUndefined()
  })

  test('only for free pieces of its own, whatever its peers have and claim', () => {
    const peer = fc.record({
      pieces: fc.uniqueArray(fc.nat(PIECES - 1)),
      claims: fc.uniqueArray(fc.nat(PIECES - 1)),
    })
    fc.assert(
      fc.property(fc.array(peer, { minLength: 1, maxLength: 20 }), fc.nat(PIECES - 1), (peers, head) => {
        const board = createBoard(PIECES)
        board.head = head
        for (const [n, { pieces, claims }] of peers.entries()) {
          const peer = claim(board, n + 1, claims, 0)
          for (const piece of pieces) board.peerHas(peer, piece, 0)
        }
        const choice = choose(board)
        if (!choice) return
        const ring = ringOf(board)
        expect(choice.end).toBeGreaterThan(choice.start)
        for (let piece = choice.start; piece < choice.end; piece += 1) {
          expect(ring.ownerOf(piece)).toBe(board.self)
          expect([board.isFree(piece), board.availability(piece), board.claims(piece)]).toEqual([true, 0, 0])
        }
      }),
    )
  })
})

describe('a request to the Hub', () => {
  test('is as long as is worth it while a peer is alone, and ends before a piece that is here', () => {
    const board = createBoard(PIECES)
    expect(choose(board, { longestRun: 10 })).toEqual({ start: 0, end: 10 })
    board.have.add(4)
    expect(choose(board, { longestRun: 10 })).toEqual({ start: 0, end: 4 })
  })

  test('ends with the stripe where several share the Hub', () => {
    const board = createBoard(1024)
    joinPeer(board, 1)
    const choice = choose(board, { longestRun: 100 })
    expect((choice?.end ?? 0) - (choice?.start ?? 0)).toBe(stripeLength(1024))
  })
})

describe('a peer that waits for no other', () => {
  test('asks for any piece, rather for one that no peer has or fetches', () => {
    const board = createBoard(4)
    const peer = joinPeer(board, 1, { pieces: [0, 1, 2] })
    expect(choose(board, { hubUse: 'alone' })).toEqual({ start: 3, end: 4 })
    board.peerHas(peer, 3, 0)
    expect(choose(board, { hubUse: 'alone' })).toBeDefined()
  })

  test('asks for a single piece to learn how fast the Hub is', () => {
    const board = createBoard(4)
    joinPeer(board, 1, { pieces: 'all' })
    const choice = choose(board, { hubUse: 'probe' })
    if (!choice) return expect.unreachable()
    board.startLease(HUB, choice.start, choice.end, 0)
    expect(choose(board, { hubUse: 'probe' })).toBeUndefined()
  })
})

describe('a claim of a peer', () => {
  test('counts while it makes progress, and for twice the patience at the most', () => {
    const board = createBoard(4)
    const peer = claim(board, 1, [0], 0)
    const at = (now: number) => isClaimed(board, 0, { now, patience: PATIENCE_MS })
    expect(at(PATIENCE_MS)).toBe(true)
    expect(at(PATIENCE_MS + 1)).toBe(false)
    peer.progressAt = 2 * PATIENCE_MS
    expect(at(2 * PATIENCE_MS - 1)).toBe(true)
    expect(at(2 * PATIENCE_MS)).toBe(false)
  })
})

describe('a member out of work', () => {
  /** The board of a member that has all that it owns, while member 1 has nothing. */
  function idle() {
    const board = createBoard(PIECES)
    const owner = joinPeer(board, 1)
    for (const piece of ownedBy(board, board.self)) board.have.add(piece)
    return { board, owner, theirs: ownedBy(board, owner.id) }
  }

  test('takes the last piece of a long queue, but only where it may look for such work', () => {
    const { board, theirs } = idle()
    expect(choose(board)).toBeUndefined()
    expect(choose(board, { mayHelp: true })?.start).toBe(theirs.at(-1))
  })

  test('helps no peer before it knows how long pieces take', () => {
    const { board } = idle()
    expect(choose(board, { mayHelp: true, msPerPiece: 0 })).toBeUndefined()
  })

  test('leaves a queue alone that its owner will be through with soon', () => {
    const { board, theirs } = idle()
    for (const piece of theirs.slice(1)) board.have.add(piece)
    expect(choose(board, { mayHelp: true })).toBeUndefined()
  })

  test('fetches a piece, too, over which its owner takes far too long', () => {
    const { board, owner, theirs } = idle()
    const [late, ...others] = theirs
    if (late === undefined) return expect.unreachable()
    // One more waits behind it; an owner without a queue counts as out of work itself.
    for (const piece of others.slice(1)) board.have.add(piece)
    board.peerFetches(owner, new Map([[late, 0]]))
    expect(choose(board, { mayHelp: true, now: 240 })).toBeUndefined()
    expect(choose(board, { mayHelp: true, now: 260 })).toEqual({ start: late, end: late + 1 })
  })
})

describe('a request that runs while nothing is free', () => {
  test('gives its second half away, when that is worth another connection', () => {
    const board = createBoard(PIECES)
    board.startLease(HUB, 0, 3, 0)
    const long = board.startLease(HUB, 10, 30, 0)
    board.startLease('peer', 30, 64, 0)
    const split = chooseSplit(board, 1_000)
    expect(split?.lease).toBe(long)
    expect(split?.at).toBe(21)
    const pieceMs = WORTH_SPLITTING_MS / 20
    long.bytes = PIECE_SIZE
    expect(chooseSplit(board, 0.9 * pieceMs)).toBeUndefined()
  })

  test('is left alone when it has two pieces or fewer to go', () => {
    const board = createBoard(PIECES)
    board.startLease(HUB, 0, 2, 0)
    expect(chooseSplit(board, 60_000)).toBeUndefined()
  })
})
