import { describe, expect, test } from 'bun:test'
import { type PeerFault, PeerStrikes } from '../../src/schedule/peer-strikes.ts'
import { BUSY_PEER_PAUSE_MS, MAX_STRIKES, PEER_PAUSE_MS } from '../../src/schedule/tuning.ts'
import { createBoard, joinPeer } from './board-samples.ts'

function create() {
  const board = createBoard(8)
  const peer = joinPeer(board, 1, { pieces: [0, 1, 2, 3] })
  const strikes = new PeerStrikes()
  const fail = (fault: PeerFault, now = 1_000) => {
    const lease = board.startLease(peer.id, 0, 2, 0)
    board.endLease(lease)
    return strikes.failed(board, lease, fault, now)
  }
  return { board, peer, fail }
}

describe('a peer', () => {
  test('that is busy is asked again a moment later, however often it is', () => {
    const { board, peer, fail } = create()
    for (let n = 0; n < 5 * MAX_STRIKES; n += 1) expect(fail('busy')).toBeUndefined()
    expect(peer.blockedUntil).toBe(1_000 + BUSY_PEER_PAUSE_MS)
    expect(board.peers.has(peer.id)).toBe(true)
  })

  test('that lacks what it claims no longer has it, and can be asked for the rest at once', () => {
    const { board, peer, fail } = create()
    expect(fail('not here')).toBeUndefined()
    expect([...peer.have]).toEqual([2, 3])
    expect(board.availability(0)).toBe(0)
    expect(peer.blockedUntil).toBe(0)
  })

  test('whose connection breaks is left alone for a second', () => {
    const { peer, fail } = create()
    expect(fail('broken')).toBeUndefined()
    expect(peer.blockedUntil).toBe(1_000 + PEER_PAUSE_MS)
  })

  test('is shunned after a few failures of any kind, and begins anew when it is back', () => {
    const { board, peer, fail } = create()
    for (let n = 1; n < MAX_STRIKES; n += 1) expect(fail(n % 2 ? 'broken' : 'not here')).toBeUndefined()
    expect(fail('broken')).toBe('shun')
    expect(board.peers.has(peer.id)).toBe(false)
    joinPeer(board, 1)
    for (let n = 1; n < MAX_STRIKES; n += 1) expect(fail('broken')).toBeUndefined()
  })

  test('that sends what cannot be right is banned at once', () => {
    const { board, peer, fail } = create()
    expect(fail('lie')).toBe('ban')
    expect(board.peers.has(peer.id)).toBe(false)
  })

  test('that is gone meanwhile is judged no more', () => {
    const { board, peer, fail } = create()
    board.removePeer(peer.id)
    expect(fail('lie')).toBeUndefined()
  })
})
