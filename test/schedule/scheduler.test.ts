import { describe, expect, test } from 'bun:test'
import { Bitmap } from '../../src/blob/bitmap.ts'
import { hubMembers, Ownership } from '../../src/schedule/ownership.ts'
import { patienceMs } from '../../src/schedule/ownership-ring.ts'
import type { PeerView } from '../../src/schedule/peer-view.ts'
import { HUB, type Lease, PieceBoard } from '../../src/schedule/piece-board.ts'
import { type DecisionInput, Scheduler } from '../../src/schedule/scheduler.ts'
import { peerId, sampleOid } from '../swarm/samples.ts'
import { joinPeer } from './board-samples.ts'

const oid = sampleOid()
const self = peerId(0)
const MiB = 2 ** 20
const PIECES = 64

function create(pieces = PIECES): Scheduler {
  const have = new Bitmap(pieces)
  return new Scheduler(new PieceBoard({ pieceCount: pieces, pieceSize: MiB, have, self, oid }))
}

function join({ board }: Scheduler, n: number, changes: Partial<PeerView> = {}): PeerView {
  return joinPeer(board, n, changes)
}

function decide(scheduler: Scheduler, means: Partial<DecisionInput> = {}) {
  const actions = scheduler.decide({
    now: 0,
    selfAsksHub: true,
    hubSlots: 4,
    peerSlots: 24,
    stallMs: 10_000,
    isTick: true,
    ...means,
  })
  const leases = (type: string) => actions.filter((action) => action.type === type).map(({ lease }) => lease)
  const fetched = leases('fetch')
  return {
    cut: leases('cut'),
    fromHub: fetched.filter(({ source }) => source === HUB),
    fromPeers: fetched.filter(({ source }) => source !== HUB),
  }
}

function hasAll(scheduler: Scheduler, peer: PeerView, now = 0): PeerView {
  for (let piece = 0; piece < scheduler.board.pieceCount; piece += 1) scheduler.peerLanded(peer, piece, now)
  return peer
}

/** Lands whatever the leases still have to bring. */
function land(scheduler: Scheduler, leases: readonly Lease[], tookMs = 100): void {
  for (const lease of leases) {
    while (lease.at < lease.end) scheduler.landed(lease, tookMs)
    scheduler.board.endLease(lease)
  }
}

function ownerOf(piece: number, ...members: readonly string[]): string | undefined {
  return new Ownership(oid, members).ownerOf(piece)
}

describe('a peer alone', () => {
  test('owns everything and asks the Hub on all connections, from its head on', () => {
    const scheduler = create()
    scheduler.board.head = 60
    const { fromHub } = decide(scheduler)
    expect(fromHub.map(({ start }) => start)).toEqual([60, 61, 62, 63])
  })

  test('asks on one connection only while peers may just not have been found', () => {
    const scheduler = create()
    expect(decide(scheduler, { isLookingForPeers: true }).fromHub).toHaveLength(1)
    expect(decide(scheduler, { hubSlots: 3 }).fromHub).toHaveLength(3)
  })

  test('asks for longer runs as it goes on, and shares the last one between connections', () => {
    const scheduler = create()
    for (let round = 0; round < 3; round += 1) land(scheduler, decide(scheduler, { hubSlots: 2 }).fromHub)
    const [last] = decide(scheduler, { hubSlots: 1 }).fromHub
    expect((last?.end ?? 0) - (last?.start ?? 0)).toBeGreaterThan(4)
    const others = decide(scheduler, { now: 2_000, hubSlots: 20 }).fromHub
    expect(others.length).toBeGreaterThan(1)
    expect(decide(scheduler, { now: 10_000, hubSlots: 1 }).fromHub.length).toBeLessThanOrEqual(1)
  })

  test('never asks the Hub when it may not', () => {
    expect(decide(create(), { selfAsksHub: false }).fromHub).toEqual([])
  })

  test('gives a silent connection up and asks again', () => {
    const scheduler = create(1)
    const [lease] = decide(scheduler).fromHub
    expect(decide(scheduler, { now: 9_000 }).cut).toEqual([])
    const later = decide(scheduler, { now: 11_000 })
    expect(later.cut).toEqual(lease ? [lease] : [])
    expect(later.fromHub.map(({ start }) => start)).toEqual([0])
  })
})

describe('peers that share the Hub', () => {
  test('ask for the pieces that they own and for no others', () => {
    const scheduler = create()
    join(scheduler, 1)
    const { fromHub } = decide(scheduler, { hubSlots: 8 })
    expect(fromHub).toHaveLength(8)
    for (const { start } of fromHub) expect(ownerOf(start, self, peerId(1))).toBe(self)
  })

  test('share sixteen connections between them', () => {
    const scheduler = create(1024)
    for (let n = 1; n < 8; n += 1) join(scheduler, n)
    expect(decide(scheduler, { hubSlots: 16 }).fromHub).toHaveLength(2)
  })

  test('leave the Hub to the members that all of them draw', () => {
    const scheduler = create(1024)
    const members = Array.from({ length: 40 }, (_, n) => peerId(n))
    for (let n = 1; n < 40; n += 1) join(scheduler, n)
    decide(scheduler)
    expect([...scheduler.ring.members].sort()).toEqual(hubMembers(oid, members).sort())
  })

  test('give up what they began beyond their share before they met', () => {
    const scheduler = create()
    const before = decide(scheduler, { hubSlots: 6 }).fromHub
    expect(before).toHaveLength(6)
    for (let n = 1; n < 8; n += 1) join(scheduler, n)
    expect(decide(scheduler, { hubSlots: 0 }).cut).toHaveLength(4)
    expect(scheduler.board.hubLeases).toBe(2)
  })

  test('drop a piece that the first in rank fetches as well, but not one that is nearly here', () => {
    const scheduler = create()
    const [lease] = decide(scheduler, { hubSlots: 1 }).fromHub
    if (!lease) return expect.unreachable()
    const first = Array.from({ length: 20 }, (_, n) => n + 1).find(
      (n) => ownerOf(lease.start, self, peerId(n)) === peerId(n),
    )
    const peer = join(scheduler, first ?? 0)
    scheduler.peerFetches(peer, [lease.start], 0)
    scheduler.moved(lease, 0.6 * MiB, 100)
    expect(decide(scheduler, { now: 100, hubSlots: 0 }).cut).toEqual([])
    lease.bytes = 0.4 * MiB
    expect(decide(scheduler, { now: 100, hubSlots: 0 }).cut).toEqual([lease])
  })

  test('drop a piece that a peer turns out to have', () => {
    const scheduler = create()
    const { fromHub } = decide(scheduler)
    hasAll(scheduler, join(scheduler, 1))
    const { cut, fromPeers } = decide(scheduler)
    expect(cut).toEqual(fromHub)
    expect(fromPeers.length).toBeGreaterThan(0)
  })

  test('take over from a member that lands nothing for longer than their patience', () => {
    const scheduler = create(8)
    join(scheduler, 1)
    land(scheduler, decide(scheduler, { hubSlots: 8 }).fromHub, 500)
    const patience = patienceMs(500, MiB)
    expect(decide(scheduler, { now: patience - 1, hubSlots: 8 }).fromHub).toEqual([])
    const { fromHub } = decide(scheduler, { now: patience + 1, hubSlots: 8 })
    const taken = fromHub.reduce((sum, { start, end }) => sum + end - start, 0)
    expect(taken + scheduler.board.have.count).toBe(8)
  })

  test('have the more patience the longer pieces take, and much before that is known', () => {
    expect(patienceMs(10, MiB)).toBe(1_500)
    expect(patienceMs(40_000, 16 * MiB)).toBe(160_000)
    expect(patienceMs(0, 16 * MiB)).toBeGreaterThan(60_000)
  })

  test('help from the end of a queue that is long, and not before it is known how long pieces take', () => {
    const scheduler = create()
    join(scheduler, 1)
    const owned = Array.from({ length: PIECES }, (_, n) => n).filter(
      (n) => ownerOf(n, self, peerId(1)) === self,
    )
    for (const piece of owned) land(scheduler, [scheduler.board.startLease(HUB, piece, piece + 1, 0)], 0)
    expect(decide(scheduler).fromHub).toEqual([])
    land(scheduler, [scheduler.board.startLease(HUB, 0, 1, 0)], 100)
    const helped = decide(scheduler, { now: 200, hubSlots: 1 }).fromHub
    const queue = Array.from({ length: PIECES }, (_, n) => n).filter((n) => !scheduler.board.have.has(n))
    expect(helped.map(({ start }) => start)).toEqual(queue.slice(-1))
  })
})

describe('pieces that peers have', () => {
  test('come from peers, not from the Hub', () => {
    const scheduler = create()
    hasAll(scheduler, join(scheduler, 1))
    const { fromHub, fromPeers } = decide(scheduler)
    expect(fromHub).toEqual([])
    expect(fromPeers).toHaveLength(3)
  })

  test('come from the least loaded of equals', () => {
    const scheduler = create(1)
    hasAll(scheduler, join(scheduler, 1, { load: 1 }))
    const idle = hasAll(scheduler, join(scheduler, 2))
    expect(decide(scheduler).fromPeers.map(({ source }) => source)).toEqual([idle.id])
  })

  test('come rarest first', () => {
    const scheduler = create(4)
    for (let n = 1; n < 4; n += 1) {
      const peer = join(scheduler, n, { slots: 1 })
      for (let piece = n === 1 ? 0 : 1; piece < 4; piece += 1) scheduler.peerLanded(peer, piece, 0)
    }
    expect(decide(scheduler, { peerSlots: 1 }).fromPeers.map(({ start }) => start)).toEqual([0])
  })

  test('are left alone while their holder asked for rest', () => {
    const scheduler = create()
    hasAll(scheduler, join(scheduler, 1, { blockedUntil: 1_000 }))
    expect(decide(scheduler, { now: 999 }).fromPeers).toEqual([])
    expect(decide(scheduler, { now: 1_000 }).fromPeers).not.toEqual([])
  })

  test('are left to a few others while they are fresh in a crowd, but not for long', () => {
    const scheduler = create()
    for (let n = 2; n < 50; n += 1) join(scheduler, n)
    const holder = join(scheduler, 1, { slots: PIECES })
    for (let piece = 0; piece < 32; piece += 1) scheduler.peerLanded(holder, piece, 0)
    const atOnce = decide(scheduler, { peerSlots: PIECES, hubSlots: 0 }).fromPeers.length
    expect(atOnce).toBeGreaterThan(0)
    expect(atOnce).toBeLessThan(10)
    decide(scheduler, { now: 10_000, peerSlots: PIECES, hubSlots: 0 })
    expect(scheduler.board.leases.size).toBe(32)
  })

  test('are not asked of a peer that alone holds another one, in a crowd where others have them', () => {
    const scheduler = create()
    const [holder, ...others] = Array.from({ length: 20 }, (_, n) => join(scheduler, n + 1, { rate: 1 }))
    if (!holder) return expect.unreachable()
    holder.rate = 1_000
    scheduler.peerLanded(holder, 0, 0)
    for (const peer of [holder, ...others.slice(0, 5)]) scheduler.peerLanded(peer, 1, 0)
    const sources = decide(scheduler, { now: 10_000, hubSlots: 0 }).fromPeers
    expect(sources.map(({ start }) => start)).toEqual([0, 1])
    expect(sources.map(({ source }) => source === holder.id)).toEqual([true, false])
  })

  test('are taken at once when no other peer wants them', () => {
    const scheduler = create()
    for (let n = 2; n < 50; n += 1) join(scheduler, n, { asksHub: false })
    hasAll(scheduler, join(scheduler, 1, { slots: PIECES }))
    decide(scheduler, { peerSlots: PIECES })
    expect(scheduler.board.leases.size).toBe(PIECES)
  })

  test('get a second source when the first falls silent', () => {
    const scheduler = create(1)
    hasAll(scheduler, join(scheduler, 1))
    const [slow] = decide(scheduler).fromPeers
    hasAll(scheduler, join(scheduler, 2))
    expect(decide(scheduler, { now: 500 }).fromPeers).toEqual([])
    const [rival] = decide(scheduler, { now: 1_500 }).fromPeers
    expect(rival?.source).toBe(peerId(2))
    if (rival) land(scheduler, [rival])
    expect(decide(scheduler, { now: 1_600 }).cut).toEqual(slow ? [slow] : [])
  })

  test('can be fetched anew once they were found wrong', () => {
    const scheduler = create(1)
    hasAll(scheduler, join(scheduler, 1))
    land(scheduler, decide(scheduler).fromPeers)
    scheduler.board.have.delete(0)
    expect(decide(scheduler).fromPeers).toHaveLength(1)
  })
})
