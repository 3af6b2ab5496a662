import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { Bitmap } from '../../src/blob/bitmap.ts'
import { chooseFromPeers, quickestPeer } from '../../src/schedule/choose-from-peers.ts'
import { PieceBoard } from '../../src/schedule/piece-board.ts'
import { LARGE_CROWD, LONGEST_PEER_RUN, ORDER_WINDOW, QUEUE_STEP_MS } from '../../src/schedule/tuning.ts'
import { peerId, sampleOid } from '../swarm/samples.ts'
import { createBoard, joinPeer, PIECE_SIZE } from './board-samples.ts'

const PIECES = 32
const LATER = 60_000

describe('no piece is chosen', () => {
  test('where no peer has one that is free', () => {
    const board = createBoard(2)
    expect(chooseFromPeers(board, 0)).toBeUndefined()
    joinPeer(board, 1, { pieces: [0] })
    board.startLease(peerId(2), 0, 1, 0)
    expect(chooseFromPeers(board, LATER)).toBeUndefined()
  })

  test('while its holders have no slot free, or asked to be left alone', () => {
    const board = createBoard(PIECES)
    const peer = joinPeer(board, 1, { pieces: 'all', slots: 1 })
    const lease = board.startLease(peer.id, 0, 1, 0)
    expect(chooseFromPeers(board, 0)).toBeUndefined()
    board.endLease(lease)
    peer.blockedUntil = 100
    expect(chooseFromPeers(board, 99)).toBeUndefined()
    expect(chooseFromPeers(board, 100)).toBeDefined()
  })
})

test('a choice is a run of free pieces that a peer with a free slot has, whatever they have', () => {
  const peer = fc.record({
    pieces: fc.oneof(fc.uniqueArray(fc.nat(PIECES - 1)), fc.constant('all' as const)),
    slots: fc.nat(3),
    blockedUntil: fc.constantFrom(0, 2 * LATER),
    load: fc.double({ min: 0, max: 1, noNaN: true }),
    rate: fc.nat(10_000),
  })
  const present = fc.uniqueArray(fc.nat(PIECES - 1))
  fc.assert(
    fc.property(fc.array(peer, { maxLength: 24 }), present, fc.nat(PIECES - 1), (peers, here, head) => {
      const board = createBoard(PIECES)
      board.head = head
      for (const piece of here) board.have.add(piece)
      for (const [n, peer] of peers.entries()) joinPeer(board, n + 1, peer)
      const choice = chooseFromPeers(board, LATER)
      if (!choice) return
      const { peer, start, end } = choice
      expect(end).toBeGreaterThan(start)
      expect(peer.active).toBeLessThan(peer.slots)
      expect(peer.blockedUntil).toBeLessThanOrEqual(LATER)
      for (let piece = start; piece < end; piece += 1)
        expect([board.isFree(piece), peer.have.has(piece)]).toEqual([true, true])
    }),
  )
})

describe('the piece', () => {
  test('is the rarest that is to be had', () => {
    const board = createBoard(4)
    joinPeer(board, 1, { pieces: 'all' })
    joinPeer(board, 2, { pieces: [0, 1, 3] })
    expect(chooseFromPeers(board, LATER)?.start).toBe(2)
  })

  test('is the first from the head on where no other peer wants any', () => {
    const board = createBoard(PIECES)
    joinPeer(board, 1, { pieces: 'all' })
    board.head = 20
    expect(chooseFromPeers(board, LATER)?.start).toBe(20)
  })

  test('is for each of those who share another one, within a window that moves through the blob', () => {
    const starts = new Set<number>()
    for (let n = 10; n < 40; n += 1) {
      const board = boardOf(n, 4 * ORDER_WINDOW)
      joinPeer(board, 1, { pieces: 'all' })
      joinPeer(board, 2, { pieces: [] })
      starts.add(chooseFromPeers(board, LATER)?.start ?? -1)
    }
    expect(starts.size).toBeGreaterThan(15)
    expect(Math.max(...starts)).toBeLessThan(ORDER_WINDOW)
  })
})

describe('a fresh piece of which there is one copy', () => {
  /** How many of 50 that want it take it so long after it was there. */
  function takersAfter(ms: number): number {
    let takers = 0
    for (let self = 0; self < 50; self += 1) {
      const board = boardOf(self, 1)
      joinPeer(board, 100, { pieces: 'all' })
      for (let n = 0; n < 50; n += 1) if (n !== self) joinPeer(board, n)
      if (chooseFromPeers(board, ms)) takers += 1
    }
    return takers
  }

  test('is taken by few at once, by more as time goes by, and in the end by all', () => {
    const [first, second, last] = [takersAfter(0), takersAfter(5 * QUEUE_STEP_MS), takersAfter(LATER)]
    expect(first).toBeGreaterThan(0)
    expect(first).toBeLessThan(8)
    expect(second).toBeGreaterThan(first)
    expect(second).toBeLessThan(30)
    expect(last).toBe(50)
  })
})

describe('the peer', () => {
  test('is the one that is least busy, by its own word and by what it is asked for', () => {
    const board = createBoard(PIECES)
    const loaded = joinPeer(board, 1, { pieces: 'all', load: 1 })
    const idle = joinPeer(board, 2, { pieces: 'all' })
    expect(chooseFromPeers(board, LATER)?.peer).toBe(idle)
    idle.load = 1
    board.startLease(idle.id, 0, 1, 0)
    expect(chooseFromPeers(board, LATER)?.peer).toBe(loaded)
  })

  test('is the quickest, and one that was never tried counts as quick as that', () => {
    const board = createBoard(PIECES)
    const quick = joinPeer(board, 1, { pieces: 'all', rate: 1_000 })
    joinPeer(board, 2, { pieces: 'all', rate: 100 })
    expect(quickestPeer(board, 0, 0, new Set())).toBe(quick)
    const untried = joinPeer(board, 3, { pieces: 'all' })
    quick.active = 1
    expect(quickestPeer(board, 0, 0, new Set())).toBe(untried)
    expect(quickestPeer(board, 0, 0, new Set([quick.id, untried.id]))?.rate).toBe(100)
  })

  test('is none that alone has another piece, in a large crowd where others have this one', () => {
    const board = createBoard(2)
    const holder = joinPeer(board, 1, { pieces: 'all', rate: 1_000 })
    for (let n = 2; n < LARGE_CROWD + 4; n += 1) joinPeer(board, n, { pieces: n < 8 ? [1] : [], rate: 1 })
    board.startLease(holder.id, 0, 1, 0)
    expect(chooseFromPeers(board, LATER)).toMatchObject({ start: 1, end: 2 })
    expect(chooseFromPeers(board, LATER)?.peer).not.toBe(holder)
    for (const peer of [...board.peers.values()].slice(-6)) board.removePeer(peer.id)
    expect(chooseFromPeers(board, LATER)?.peer).toBe(holder)
  })
})

describe('a request to a peer', () => {
  test('is for one piece where the peer has only some, and for several where it has all and many are left', () => {
    const board = createBoard(1_000)
    const peer = joinPeer(board, 1, { pieces: Array.from({ length: 999 }, (_, piece) => piece) })
    const lengthNow = () => {
      const choice = chooseFromPeers(board, LATER)
      return choice && choice.end - choice.start
    }
    expect(lengthNow()).toBe(1)
    board.peerHas(peer, 999, 0)
    expect(lengthNow()).toBe(LONGEST_PEER_RUN)
    for (let piece = 0; piece < 976; piece += 1) board.have.add(piece)
    expect(lengthNow()).toBe(2)
    board.have.add(977)
    expect(lengthNow()).toBe(1)
  })
})

function boardOf(self: number, pieceCount: number): PieceBoard {
  const have = new Bitmap(pieceCount)
  return new PieceBoard({ pieceCount, pieceSize: PIECE_SIZE, have, self: peerId(self), oid: sampleOid() })
}
