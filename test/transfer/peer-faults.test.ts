import { describe, expect, test } from 'bun:test'
import type { ErrorCode } from '../../src/base/error-table.ts'
import { DfhfError } from '../../src/base/errors.ts'
import { Bitmap } from '../../src/blob/bitmap.ts'
import { parseOid } from '../../src/blob/oid.ts'
import { type Lease, PieceBoard } from '../../src/schedule/piece-board.ts'
import { PeerFaults } from '../../src/transfer/peer-faults.ts'
import { TransferCounters } from '../../src/transfer/transfer-counters.ts'

/** A board on which one peer has everything, and what is done to that peer. */
function stand() {
  const oid = parseOid('a'.repeat(64))
  const board = new PieceBoard({ pieceCount: 8, pieceSize: 2 ** 20, have: new Bitmap(8), self: 'self', oid })
  const idle = { progressAt: 0, msPerPiece: 0, slots: 3, load: 0, rate: 0, blockedUntil: 0 }
  board.addPeer({ id: 'peer', asksHub: false, ...idle })
  const peer = () => board.peers.get('peer')
  const here = peer()
  if (here) for (let piece = 0; piece < 8; piece += 1) board.peerHas(here, piece, 0)
  const done: string[] = []
  const swarm = {
    nameOf: () => 'host',
    ban: (id: string, reason: string) => done.push(`ban ${id}: ${reason}`),
    shun: (id: string, reason: string) => done.push(`shun ${id}: ${reason}`),
  }
  const time = { now: 10_000 }
  const faults = new PeerFaults({
    board,
    swarm,
    counters: new TransferCounters(1, (event) =>
      done.push(event.type === 'retry' ? `retry ${event.source}` : event.type),
    ),
    now: () => time.now,
    cutSource: (id) => done.push(`cut ${id}`),
  })
  const fail = (code: ErrorCode, lease: Lease = board.startLease('peer', 2, 4, 0)) => {
    faults.failed(lease, new DfhfError(code, `it says ${code}`))
    board.endLease(lease)
  }
  return { board, peer, faults, fail, done, time }
}

describe('a peer that fails', () => {
  test('is left alone for a second, and for longer the third time', () => {
    const { peer, fail, done } = stand()
    fail('network')
    expect(peer()?.blockedUntil).toBe(11_000)
    fail('timeout')
    expect(done).toEqual(['retry host', 'retry host'])
    fail('network')
    expect(peer()).toBeUndefined()
    expect(done.at(-1)).toBe('shun peer: it says network')
  })

  test('for being busy is asked again soon, as often as it likes', () => {
    const { peer, fail, done } = stand()
    for (let n = 0; n < 10; n += 1) fail('rate-limited')
    expect(peer()?.blockedUntil).toBe(10_150)
    expect(done).toEqual(Array.from({ length: 10 }, () => 'retry host'))
  })

  test('for lack of pieces is not asked for these again', () => {
    const { peer, fail } = stand()
    fail('not-cached')
    expect([...(peer()?.have ?? [])]).toEqual([0, 1, 4, 5, 6, 7])
    expect(peer()?.blockedUntil).toBe(0)
  })

  test.each(['verification-failed', 'bad-response'] as const)('by a lie (%s) is shut out at once', (code) => {
    const { peer, fail, done } = stand()
    fail(code)
    expect(peer()).toBeUndefined()
    expect(done).toEqual(['retry host', `ban peer: it says ${code}`])
  })

  test('once it has left is only counted', () => {
    const { board, fail, done } = stand()
    const lease = board.startLease('peer', 0, 1, 0)
    board.removePeer('peer')
    fail('bad-response', lease)
    expect(done).toEqual(['retry host'])
  })
})

describe('a peer that sends nothing for 4 s', () => {
  test('is given up with all that it was asked for', () => {
    const { board, peer, faults, done } = stand()
    board.startLease('peer', 0, 1, 5_999)
    faults.giveUpStalled()
    expect(peer()).toBeUndefined()
    expect(done).toEqual(['retry host', 'cut peer', 'shun peer: sent nothing for 4 s'])
  })

  test('on one connection, but moves on another, stays', () => {
    const { board, peer, faults, done } = stand()
    board.startLease('peer', 0, 1, 5_999)
    board.startLease('peer', 1, 2, 6_001)
    faults.giveUpStalled()
    expect(peer()).toBeDefined()
    expect(done).toEqual([])
  })
})
