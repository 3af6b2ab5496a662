import { describe, expect, test } from 'bun:test'
import { chooseFromPeers } from '../../src/schedule/choose-from-peers.ts'
import { Ownership } from '../../src/schedule/ownership.ts'
import type { PieceBoard } from '../../src/schedule/piece-board.ts'
import { FAR_STEP_MS, LONGEST_FAR_WAIT_MS, NEAR_COPY_STEPS } from '../../src/schedule/tuning.ts'
import { Zone } from '../../src/schedule/zone.ts'
import { peerId, sampleOid } from '../swarm/samples.ts'
import { createBoard, joinPeer } from './board-samples.ts'

const PIECES = 32
/** Peers 1 to 8 are near. */
const NEAR = Array.from({ length: 8 }, (_, n) => n + 1)

function zoneOf(board: PieceBoard): Zone {
  const zone = new Zone(board)
  zone.refresh()
  return zone
}

/** The order in which the peers of the zone take a piece from afar. */
function rankOf(board: PieceBoard, piece: number): number {
  return new Ownership(sampleOid(), [board.self, ...NEAR.map(peerId)]).rank(piece).indexOf(board.self)
}

describe('a zone is divided', () => {
  test('only where some of those that take part are near and others far', () => {
    const board = createBoard(PIECES)
    expect(zoneOf(board).isDivided).toBe(false)
    joinPeer(board, 1)
    expect(zoneOf(board).isDivided).toBe(false)
    joinPeer(board, 9, { isFar: true, asksHub: false })
    expect(zoneOf(board).isDivided).toBe(false)
    joinPeer(board, 10, { isFar: true })
    expect(zoneOf(board).isDivided).toBe(true)
    board.removePeer(peerId(1))
    expect(zoneOf(board).isDivided).toBe(false)
  })
})

describe('a piece that only far peers have', () => {
  test('is taken by one peer of the zone, and by one more after each step', () => {
    const board = createBoard(PIECES)
    for (const n of NEAR) joinPeer(board, n)
    const far = joinPeer(board, 10, { pieces: 'all', isFar: true })
    const zone = zoneOf(board)
    for (let piece = 0; piece < PIECES; piece += 1) {
      const dueAt = Math.min(LONGEST_FAR_WAIT_MS, rankOf(board, piece) * FAR_STEP_MS)
      expect(zone.mayAsk(far, piece, dueAt)).toBe(true)
      expect(zone.mayAsk(far, piece, dueAt - 1)).toBe(false)
    }
  })

  test('waits for none of them longer than the longest wait, however many copies are said to be near', () => {
    const board = createBoard(1)
    for (const n of NEAR) joinPeer(board, n, { pieces: 'all' })
    const far = joinPeer(board, 10, { pieces: 'all', isFar: true })
    const zone = zoneOf(board)
    expect(zone.mayAsk(far, 0, LONGEST_FAR_WAIT_MS - 1)).toBe(false)
    expect(zone.mayAsk(far, 0, LONGEST_FAR_WAIT_MS)).toBe(true)
  })

  test('is awaited longer once a near peer has it', () => {
    const board = createBoard(PIECES)
    for (const n of NEAR) joinPeer(board, n)
    const far = joinPeer(board, 10, { pieces: 'all', isFar: true })
    const zone = zoneOf(board)
    const mine = Array.from({ length: PIECES }, (_, piece) => piece).find(
      (piece) => rankOf(board, piece) === 0,
    )
    if (mine === undefined) throw new Error('one of the pieces falls to this peer')
    expect(zone.mayAsk(far, mine, 0)).toBe(true)
    const [near] = board.peers.values()
    if (near) board.peerHas(near, mine, 0)
    expect(zone.mayAsk(far, mine, NEAR_COPY_STEPS * FAR_STEP_MS - 1)).toBe(false)
    expect(zone.mayAsk(far, mine, NEAR_COPY_STEPS * FAR_STEP_MS)).toBe(true)
  })
})

describe('a piece that near and far peers have', () => {
  test('is taken from a near one, though a far one is quicker', () => {
    const board = createBoard(PIECES)
    const near = joinPeer(board, 1, { pieces: 'all', rate: 1_000 })
    joinPeer(board, 2, { pieces: 'all', rate: 100_000, isFar: true })
    expect(chooseFromPeers(board, 0, zoneOf(board))?.peer).toBe(near)
  })

  test('is taken from the far one while the near one is not to be asked, after the wait', () => {
    const board = createBoard(PIECES)
    joinPeer(board, 1, { pieces: 'all', blockedUntil: 60_000 })
    const far = joinPeer(board, 2, { pieces: 'all', isFar: true })
    expect(chooseFromPeers(board, 0, zoneOf(board))).toBeUndefined()
    expect(chooseFromPeers(board, LONGEST_FAR_WAIT_MS, zoneOf(board))?.peer).toBe(far)
  })

  test('is taken from far ones at once where no peer is near', () => {
    const board = createBoard(PIECES)
    const far = joinPeer(board, 2, { pieces: 'all', isFar: true })
    expect(chooseFromPeers(board, 0, zoneOf(board))?.peer).toBe(far)
  })
})
