import { describe, expect, test } from 'bun:test'
import { DfhfError } from '../../src/base/errors.ts'
import { Bitmap } from '../../src/blob/bitmap.ts'
import { parseOid } from '../../src/blob/oid.ts'
import { HUB, PieceBoard } from '../../src/schedule/piece-board.ts'
import { HubBudget } from '../../src/transfer/hub/hub-budget.ts'
import { HubGate } from '../../src/transfer/hub/hub-gate.ts'
import { ProgressWatch } from '../../src/transfer/progress-watch.ts'
import { TransferCounters } from '../../src/transfer/transfer-counters.ts'
import { MemorySource } from './memory-source.ts'

/** A transfer on which nothing moves, at the beginning of time. */
function stand({ hasHub = true, hasSwarm = true } = {}) {
  const oid = parseOid('a'.repeat(64))
  const board = new PieceBoard({ pieceCount: 2, pieceSize: 2 ** 20, have: new Bitmap(2), self: 'self', oid })
  const time = { now: 0 }
  const now = () => time.now
  const budget = new HubBudget({ max: 4, clock: now })
  const gate = new HubGate({
    hub: hasHub ? new MemorySource(new Uint8Array(1)) : undefined,
    budget,
    seat: budget.join({ wake: () => {}, yieldOne: () => {} }),
    counters: new TransferCounters(1, () => {}),
    clock: now,
    random: () => 0,
  })
  const watch = new ProgressWatch({ board, gate, hasHub, hasSwarm, now })
  const join = () => {
    const idle = { msPerPiece: 0, slots: 3, load: 0, rate: 0, blockedUntil: 0 }
    board.addPeer({ id: 'peer', asksHub: false, progressAt: time.now, ...idle })
  }
  return { board, gate, watch, time, join }
}

const refusal = new DfhfError('forbidden', 'not yours')

describe('a transfer gives up', () => {
  test('with the Hub’s own error, at once where there are no peers', () => {
    const { gate, watch } = stand({ hasSwarm: false })
    expect(watch.lostHope()).toBeUndefined()
    gate.failed(refusal)
    expect(watch.lostHope()).toBe(refusal)
  })

  test('on peers that show nothing new for 30 s, once the Hub is gone', () => {
    const { gate, watch, time, join } = stand()
    join()
    gate.failed(refusal)
    time.now = 29_999
    expect(watch.lostHope()).toBeUndefined()
    time.now = 30_000
    expect(watch.lostHope()).toBe(refusal)
  })

  test('not while a peer has something new or bytes arrive', () => {
    const { gate, watch, time, join } = stand()
    gate.failed(refusal)
    time.now = 20_000
    join()
    time.now = 40_000
    expect(watch.lostHope()).toBeUndefined()
    watch.moved(40_000)
    time.now = 60_000
    expect(watch.lostHope()).toBeUndefined()
  })

  test('not on the swarm while peers were seen a moment ago, or there never was a Hub', () => {
    const seen = stand()
    seen.join()
    seen.gate.failed(refusal)
    expect(seen.watch.lostHope()).toBeUndefined()
    seen.board.removePeer('peer')
    seen.time.now = 29_000
    expect(seen.watch.lostHope()).toBeUndefined()
    const { watch, time } = stand({ hasHub: false })
    time.now = 29_000
    expect(watch.lostHope()).toBeUndefined()
    time.now = 30_000
    expect(watch.lostHope()).toMatchObject({ code: 'no-source' })
  })

  test('not while a request runs, nor with all pieces here', () => {
    const { board, gate, watch } = stand({ hasSwarm: false })
    const lease = board.startLease(HUB, 0, 1, 0)
    gate.failed(refusal)
    expect(watch.lostHope()).toBeUndefined()
    board.endLease(lease)
    board.have.addAll()
    expect(watch.lostHope()).toBeUndefined()
  })
})

describe('a standstill', () => {
  test('is told of after a second and a half', () => {
    const { watch, time } = stand({ hasSwarm: false })
    time.now = 1_500
    expect(watch.reason('fetching')).toBeUndefined()
    time.now = 2_000
    expect(watch.reason('fetching')).toBe('waiting for the Hub for 2 s')
    watch.moved(2_000)
    expect(watch.reason('fetching')).toBeUndefined()
  })

  test('names what it waits for', () => {
    const { watch, time, gate } = stand()
    time.now = 3_000
    expect(watch.reason('checking')).toBe('checking what came for 3 s')
    expect(watch.reason('fetching')).toBe('waiting for peers for 3 s')
    gate.failed(new DfhfError('network', 'it broke', { retryable: true }))
    expect(watch.reason('fetching')).toBe('it broke; next try in 1 s')
    expect(watch.reason('whole')).toBe('it broke; next try in 1 s')
  })

  test('by the rate limit is no fault of a connection', () => {
    const { board, watch, time } = stand()
    const lease = board.startLease(HUB, 0, 1, 0)
    time.now = 3_000
    expect(watch.reason('fetching')).toBe('no bytes for 3 s on 1 connection')
    lease.isHeld = true
    expect(watch.reason('fetching')).toBe('held back by the rate limit for 3 s')
  })
})
