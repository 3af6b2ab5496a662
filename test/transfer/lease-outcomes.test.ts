import { describe, expect, test } from 'bun:test'
import { DfhfError } from '../../src/base/errors.ts'
import { Bitmap } from '../../src/blob/bitmap.ts'
import { parseOid } from '../../src/blob/oid.ts'
import { RangeIgnoredError } from '../../src/http/ranges/range-request.ts'
import { HUB, PieceBoard } from '../../src/schedule/piece-board.ts'
import { Scheduler } from '../../src/schedule/scheduler.ts'
import { HubBudget } from '../../src/transfer/hub/hub-budget.ts'
import { HubGate } from '../../src/transfer/hub/hub-gate.ts'
import { LeaseOutcomes } from '../../src/transfer/lease-outcomes.ts'
import { PeerFaults } from '../../src/transfer/peer-faults.ts'
import { ProgressWatch } from '../../src/transfer/progress-watch.ts'
import { TransferCounters } from '../../src/transfer/transfer-counters.ts'
import type { TransferEvent } from '../../src/transfer/transfer-event.ts'
import { TransferSources } from '../../src/transfer/transfer-sources.ts'
import { TransferState } from '../../src/transfer/transfer-state.ts'
import { LandedPieces } from '../../src/transfer/writing/landed-pieces.ts'
import { MemorySource } from './memory-source.ts'
import { MemorySwarm } from './memory-swarm.ts'
import { rejection } from './transfer-bench.ts'

const MiB = 2 ** 20

/** The parts of a transfer of two pieces that hear of its leases, and what they did. */
function stand() {
  const oid = parseOid('a'.repeat(64))
  const have = new Bitmap(2)
  const board = new PieceBoard({ pieceCount: 2, pieceSize: MiB, have, self: 'self', oid })
  const done: string[] = []
  const events: TransferEvent[] = []
  const state = new TransferState(new LandedPieces(have))
  const counters = new TransferCounters(1, (event) => events.push(event))
  const hub = new MemorySource(new Uint8Array(2 * MiB))
  const swarm = new MemorySwarm([])
  const time = { now: 0 }
  const now = () => time.now
  const budget = new HubBudget({ max: 4, clock: now })
  const seat = budget.join({ wake: () => {}, yieldOne: () => {} })
  const gate = new HubGate({ hub, budget, seat, counters, clock: now, random: () => 0 })
  const outcomes = new LeaseOutcomes({
    state,
    scheduler: new Scheduler(board),
    gate,
    sources: new TransferSources({ hub, swarm }),
    counters,
    watch: new ProgressWatch({ board, gate, hasHub: true, hasSwarm: false, now }),
    peerFaults: new PeerFaults({ board, swarm, counters, now, cutSource: () => {} }),
    now,
    stallMs: 10_000,
    onChange: () => done.push('decided'),
    onRangeIgnored: () => done.push('whole'),
  })
  const idle = { progressAt: 0, msPerPiece: 0, slots: 3, load: 0, rate: 0, blockedUntil: 0 }
  board.addPeer({ id: 'peer', asksHub: false, ...idle })
  const landing = { tookMs: 5, isNew: true, digest: undefined }
  return { board, state, gate, counters, events, swarm, outcomes, done, landing, time }
}

describe('what comes of a lease', () => {
  test('counts for the source that brought it, and no longer when it is lost', () => {
    const { board, outcomes, counters, events } = stand()
    outcomes.moved(board.startLease('peer', 0, 1, 0), 100)
    outcomes.moved(board.startLease(HUB, 1, 2, 0), 50)
    outcomes.lost('peer', 100)
    outcomes.lost(HUB, 0)
    expect(counters.bytes).toEqual({ hub: 50, peers: 100, local: 0 })
    expect(events.filter(({ type }) => type === 'bytes-lost')).toEqual([
      { type: 'bytes-lost', id: 1, count: 100, kind: 'peers' },
    ])
  })

  test('is on the board and known by its source, and leads to another decision until all is here', async () => {
    const { board, state, outcomes, done, landing } = stand()
    const full = state.untilFull()
    const lease = board.startLease('peer', 0, 1, 0)
    outcomes.landed(lease, { ...landing, digest: 'd' })
    expect([state.pieces.sourceOf(0), state.pieces.digestOf(0), state.pieces.has(0)]).toEqual([
      'peer',
      'd',
      true,
    ])
    outcomes.ended(lease)
    expect(done).toEqual(['decided'])
    outcomes.landed(board.startLease(HUB, 1, 2, 0), landing)
    await full
    expect(done).toEqual(['decided'])
  })

  test('is vouched for where its peer says that it has all', () => {
    const { board, state, outcomes, landing } = stand()
    outcomes.landed(board.startLease('peer', 0, 1, 0), landing)
    expect(state.pieces.isVouchedFor(0)).toBe(false)
    const peer = board.peers.get('peer')
    for (const piece of [0, 1]) if (peer) board.peerHas(peer, piece, 0)
    outcomes.landed(board.startLease('peer', 1, 2, 0), landing)
    expect(state.pieces.isVouchedFor(1)).toBe(true)
  })

  test('has no source where another lease had brought the piece', () => {
    const { board, state, outcomes, landing } = stand()
    outcomes.landed(board.startLease('peer', 0, 1, 0), { ...landing, isNew: false })
    expect(state.pieces.sourceOf(0)).toBeUndefined()
  })

  test('leads to a decision at each piece but the last, as its end brings one', () => {
    const { board, outcomes, done, landing } = stand()
    const lease = board.startLease('peer', 0, 2, 0)
    outcomes.landed(lease, landing)
    expect(done).toEqual(['decided'])
  })

  test('frees its pieces when it ends', () => {
    const { board, outcomes, done } = stand()
    const lease = board.startLease(HUB, 0, 2, 0)
    outcomes.ended(lease)
    expect([board.isFree(0), board.leases.size, done]).toEqual([true, 0, ['decided']])
  })
})

describe('a lease that fails', () => {
  test.each([
    ['by the disk', new DfhfError('disk-full', 'no room')],
    ['by an error that is no part of the plan', new TypeError('x is undefined')],
  ])('%s ends the transfer', async (_, error) => {
    const { board, state, outcomes } = stand()
    outcomes.failed(board.startLease('peer', 0, 1, 0), error)
    expect(await rejection(state.untilFull())).toBe(error)
  })

  test('at the Hub leaves it alone for a while', () => {
    const { board, state, gate, outcomes } = stand()
    outcomes.failed(board.startLease(HUB, 0, 1, 0), new DfhfError('network', 'it broke', { retryable: true }))
    expect([gate.state, state.phase]).toEqual(['paused', 'fetching'])
  })

  test('at the Hub for good ends a transfer that nothing else can bring', async () => {
    const { board, state, outcomes } = stand()
    board.removePeer('peer')
    const lease = board.startLease(HUB, 0, 1, 0)
    board.endLease(lease)
    const error = new DfhfError('forbidden', 'not yours')
    outcomes.failed(lease, error)
    expect(await rejection(state.untilFull())).toBe(error)
  })

  test('because the Hub ignored its range asks for the whole; a peer that does so lies', () => {
    const { board, swarm, outcomes, done } = stand()
    outcomes.failed(board.startLease(HUB, 0, 1, 0), new RangeIgnoredError('http://hub/f'))
    expect(done).toEqual(['whole'])
    outcomes.failed(board.startLease('peer', 0, 1, 0), new RangeIgnoredError('http://peer/f'))
    expect(swarm.banned).toEqual(['peer'])
    expect(done).toEqual(['whole'])
  })

  test('over and over with much of a piece each time is no reason to give the Hub up', () => {
    const isGoneAfter = (bytes: number) => {
      const { board, gate, outcomes, time } = stand()
      for (let tries = 0; tries < 20; tries += 1) {
        const lease = board.startLease(HUB, 0, 1, 0)
        lease.bytes = bytes
        outcomes.failed(lease, new DfhfError('network', 'it broke', { retryable: true }))
        board.endLease(lease)
        time.now += gate.pauseMs
      }
      return gate.isGone
    }
    expect([isGoneAfter(2 ** 14), isGoneAfter(2 ** 14 - 1)]).toEqual([false, true])
  })

  test('by standing still says for how long', () => {
    const { board, outcomes, events } = stand()
    outcomes.hubStalled(board.startLease(HUB, 0, 1, 0))
    expect(events.at(-1)).toMatchObject({
      type: 'retry',
      source: 'hub',
      reason: 'no bytes from the hub for 10 s',
    })
  })
})
