import { beforeEach, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { hubMembers } from '../../src/schedule/ownership.ts'
import {
  asksNewcomer,
  MAX_NEIGHBOURS,
  MOST_NEIGHBOURS,
  pickNeighbours,
} from '../../src/swarm/client/neighbours.ts'
import { Membership } from '../../src/swarm/membership/membership.ts'
import type { MembershipOptions } from '../../src/swarm/membership/membership-options.ts'
import type { MembershipEvent } from '../../src/swarm/membership/peer-news.ts'
import { seededRandom } from '../support/random/seeded-random.ts'
import { peerId, sampleOid, samplePeer } from './samples.ts'

let clock = 0
let events: string[] = []

function membership(options: Partial<MembershipOptions> = {}): Membership {
  return new Membership({
    selfId: peerId(0),
    clusterFingerprint: undefined,
    now: () => clock,
    onEvent: (event: MembershipEvent) =>
      events.push(`${event.peer.name} ${event.type}${event.type === 'left' ? `: ${event.reason}` : ''}`),
    ...options,
  })
}

beforeEach(() => {
  clock = 0
  events = []
})

describe('membership', () => {
  test('lets a peer go after three silent heartbeats and takes it back when it speaks', () => {
    const members = membership()
    members.heard(samplePeer(1), 'direct')
    clock = 14_999
    members.sweep()
    expect(members.live()).toHaveLength(1)
    clock = 15_000
    members.sweep()
    expect(members.live()).toHaveLength(0)
    expect(members.get(peerId(1))).toBeUndefined()
    clock = 60_000
    members.heard(samplePeer(1), 'direct')
    expect(events).toEqual(['host-1 joined', 'host-1 left: silent', 'host-1 back'])
  })

  test('never lists itself', () => {
    const members = membership()
    expect(members.heard(samplePeer(0), 'direct')).toBe(false)
    expect(members.live()).toEqual([])
  })

  test('keeps out peers of another cluster', () => {
    const keyed = membership({ clusterFingerprint: 'aaaaaaaaaaaaaaaa' })
    keyed.heard(samplePeer(1), 'direct')
    keyed.heard(samplePeer(2, { clusterFingerprint: 'bbbbbbbbbbbbbbbb' }), 'direct')
    keyed.heard(samplePeer(3, { clusterFingerprint: 'aaaaaaaaaaaaaaaa' }), 'direct')
    expect(keyed.live().map(({ name }) => name)).toEqual(['host-3'])
  })

  test('adds up the addresses of one peer and tries the proven one first', () => {
    const members = membership()
    members.heard(samplePeer(1, { addresses: ['10.0.0.1'] }), 'direct')
    members.heard(samplePeer(1, { addresses: ['192.168.0.1'] }), 'direct')
    members.heard(samplePeer(1, { addresses: ['172.16.0.1'] }), 'hearsay')
    expect(members.get(peerId(1))?.addresses).toEqual(['192.168.0.1', '10.0.0.1', '172.16.0.1'])
    members.preferAddress(peerId(1), '10.0.0.1')
    members.heard(samplePeer(1, { addresses: ['192.168.0.1'] }), 'direct')
    expect(members.get(peerId(1))?.addresses).toEqual(['10.0.0.1', '192.168.0.1', '172.16.0.1'])
  })

  test('lets hearsay grow old: a dead peer does not live on in gossip', () => {
    const [a, b] = [membership(), membership()]
    a.heard(samplePeer(9), 'direct')
    for (clock = 0; clock < 60_000; clock += 1000) {
      for (const [from, to] of [[a, b] as const, [b, a] as const]) {
        for (const { peer, ageMs } of from.sample(100, Math.random)) to.heard(peer, 'hearsay', ageMs)
      }
      for (const members of [a, b]) members.sweep()
      if (clock >= 16_000) expect([a.live(), b.live()]).toEqual([[], []])
    }
  })

  test('believes a goodbye only from an address of that peer, and no older gossip after it', () => {
    const members = membership()
    members.heard(samplePeer(1, { addresses: ['10.0.0.1'] }), 'direct')
    members.saidBye(peerId(1), '10.6.6.6')
    expect(members.live()).toHaveLength(1)
    clock = 100
    members.saidBye(peerId(1), '10.0.0.1')
    clock = 200
    members.heard(samplePeer(1), 'hearsay', 150)
    expect(members.live()).toHaveLength(0)
    members.heard(samplePeer(1), 'direct')
    expect(events).toEqual(['host-1 joined', 'host-1 left: said bye', 'host-1 back'])
  })

  test('shuts a banned peer out, under a new id too, until the ban ends', () => {
    const members = membership()
    members.heard(samplePeer(1), 'direct')
    members.preferAddress(peerId(1), samplePeer(1).addresses[0] ?? '')
    members.ban(peerId(1), 'sent wrong bytes', 60_000)
    members.heard(samplePeer(1), 'direct')
    members.heard(samplePeer(2, { addresses: samplePeer(1).addresses }), 'direct')
    expect(members.live()).toEqual([])
    expect(members.banReason(samplePeer(1))).toBe('sent wrong bytes')
    clock = 60_000
    members.heard(samplePeer(1), 'direct')
    expect(events).toEqual(['host-1 joined', 'host-1 left: banned', 'host-1 joined'])
  })

  test('does not ban an address that a liar merely claimed', () => {
    const members = membership()
    members.heard(samplePeer(1, { addresses: ['10.6.6.6', ...samplePeer(2).addresses] }), 'direct')
    members.preferAddress(peerId(1), '10.6.6.6')
    members.ban(peerId(1), 'sent wrong bytes', 60_000)
    expect(members.heard(samplePeer(2), 'direct')).toBe(true)
  })

  test('moves a peer only where it answers, and only once it fails where it answered before', () => {
    const members = membership()
    const [home, away] = ['10.0.0.1', '10.0.0.2']
    const answer = (host: string) => {
      members.heard(samplePeer(1, { addresses: [host] }), 'direct')
      members.preferAddress(peerId(1), host)
      return members.get(peerId(1))?.addresses[0]
    }
    expect(answer(home)).toBe(home)
    members.heard(samplePeer(1, { addresses: [away], fetchesForPeers: true }), 'announced', 0, away)
    expect(members.get(peerId(1))).toMatchObject({ addresses: [home, away], fetchesForPeers: false })
    expect(answer(away)).toBe(home)
    members.failed(peerId(1), { host: home, port: 65002 })
    expect(members.get(peerId(1))?.addresses[0]).toBe(away)
    expect(answer(away)).toBe(away)
    expect(answer(home)).toBe(away)
  })

  test('tries all that is said of a peer in turn, until it answers somewhere', () => {
    const members = membership()
    members.heard(samplePeer(1, { addresses: ['10.6.6.6'], port: 7001 }), 'announced', 0, '10.6.6.6')
    members.heard(samplePeer(1), 'announced', 0, '10.0.0.1')
    expect(members.get(peerId(1))?.port).toBe(7001)
    members.failed(peerId(1), { host: '10.6.6.6', port: 7001 })
    expect(members.get(peerId(1))).toEqual(samplePeer(1))
    members.heard(samplePeer(1), 'direct')
    expect(events).toEqual(['host-1 joined', 'host-1 proven'])
  })

  test('bans what answered, and keeps what else is said to have that id', () => {
    const members = membership()
    members.heard(samplePeer(1, { addresses: ['10.6.6.6'] }), 'direct')
    members.preferAddress(peerId(1), '10.6.6.6')
    members.heard(samplePeer(1), 'announced', 0, '10.0.0.1')
    members.ban(peerId(1), 'sent wrong bytes', 1000)
    expect(members.get(peerId(1))).toEqual(samplePeer(1))
    expect(members.standingOf(peerId(1))).toBe('told')
    expect(members.heard(samplePeer(1, { addresses: ['10.6.6.6'] }), 'direct')).toBe(false)
  })

  test('takes no address from a teller that would mean another host here, or none', () => {
    const members = membership()
    for (const bad of [
      '127.0.0.1',
      '169.254.169.254',
      '0.0.0.0',
      '224.0.0.1',
      '::1',
      '::ffff:127.0.0.1',
      '0:0:0:0:0:0:0:1',
      '0::ffff:7f00:1',
      'fe80::1',
    ])
      expect([bad, members.heard(samplePeer(1, { addresses: [bad] }), 'hearsay', 0, '10.6.6.6')]).toEqual([
        bad,
        false,
      ])
    expect(members.heard(samplePeer(1, { addresses: ['127.0.0.1'] }), 'hearsay', 0, '127.0.0.1')).toBe(true)
    expect(members.heard(samplePeer(2, { addresses: ['169.254.1.1'] }), 'announced', 0, '169.254.1.2')).toBe(
      true,
    )
  })

  test('bounds the peers that it knows: the living keep their place, the gone give way', () => {
    const members = membership({ maxPeers: 3 })
    for (const n of [1, 2, 3, 4]) members.heard(samplePeer(n), 'direct')
    expect(members.live()).toHaveLength(3)
    clock = 20_000
    members.heard(samplePeer(1), 'direct')
    members.sweep()
    for (const n of [5, 6, 7]) members.heard(samplePeer(n), 'direct')
    expect(
      members
        .live()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['host-1', 'host-5', 'host-6'])
  })

  test('lets a silent peer go soon where it did not answer, and late where it was not asked', () => {
    const members = membership({ silenceMs: 180_000 })
    for (const n of [1, 2, 3]) {
      members.heard(samplePeer(n), 'direct')
      members.preferAddress(peerId(n), samplePeer(n).addresses[0] ?? '')
    }
    const fails = (n: number) =>
      members.failed(peerId(n), { host: samplePeer(n).addresses[0] ?? '', port: samplePeer(n).port })
    clock = 10_000
    fails(1)
    fails(2)
    expect(members.live()).toHaveLength(3)
    clock = 14_000
    members.heard(samplePeer(2), 'hearsay', 2_000)
    clock = 15_000
    members.sweep()
    expect(events).toEqual(['host-1 joined', 'host-2 joined', 'host-3 joined', 'host-1 left: silent'])
    clock = 179_999
    members.sweep()
    expect(members.live().map(({ name }) => name)).toEqual(['host-2', 'host-3'])
    fails(3)
    expect(members.live().map(({ name }) => name)).toEqual(['host-2'])
    expect(members.liveCount).toBe(1)
    clock = 200_000
    members.heard(samplePeer(3), 'direct')
    members.preferAddress(peerId(3), samplePeer(3).addresses[0] ?? '')
    clock = 379_999
    members.sweep()
    expect(members.live().map(({ name }) => name)).toEqual(['host-3'])
  })

  test('names the peers that it has not heard itself, longest silence first', () => {
    const members = membership()
    members.heard(samplePeer(1), 'direct')
    clock = 3000
    members.heard(samplePeer(2), 'direct')
    members.heard(samplePeer(3), 'hearsay', 100)
    clock = 6000
    expect(members.unheard().map(({ name }) => name)).toEqual(['host-3', 'host-1'])
  })

  test('never holds more than its bound nor a banned or foreign peer, whatever comes', () => {
    const step = fc.record({
      n: fc.nat(12),
      kind: fc.constantFrom('direct', 'hearsay', 'bye', 'ban', 'sweep'),
      wait: fc.nat(9000),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        clock = 0
        const members = membership({ maxPeers: 5 })
        for (const { n, kind, wait } of steps) {
          clock += wait
          if (kind === 'direct' || kind === 'hearsay') members.heard(samplePeer(n), kind, wait)
          else if (kind === 'bye') members.saidBye(peerId(n), samplePeer(n).addresses[0] ?? '')
          else if (kind === 'ban') members.ban(peerId(n), 'test', 1000)
          else members.sweep()
          expect(members.live().length).toBeLessThanOrEqual(5)
          expect(members.live().some(({ id }) => id === peerId(0))).toBe(false)
          if (kind === 'ban') expect(members.get(peerId(n))).toBeUndefined()
        }
      }),
    )
  })
})

test('of newcomers so many are asked that they are as likely neighbours as those that were there, up to a bound', () => {
  const random = seededRandom(3)
  let neighbours = MAX_NEIGHBOURS
  for (let known = 1_001; known <= 2_000; known += 1)
    if (asksNewcomer({ neighbours, known, draw: random() })) neighbours += 1
  // 34 places by chance times the logarithm of 2 is 24.
  expect(neighbours - MAX_NEIGHBOURS).toBeWithin(12, 37)
  expect(asksNewcomer({ neighbours: MOST_NEIGHBOURS - 1, known: 2_000, draw: 0 })).toBe(true)
  expect(asksNewcomer({ neighbours: MOST_NEIGHBOURS, known: 2_000, draw: 0 })).toBe(false)
})

describe('pickNeighbours', () => {
  const oid = sampleOid()
  const all = Array.from({ length: 500 }, (_, n) => samplePeer(n))

  test('takes all peers while there are few', () => {
    const picked = pickNeighbours(oid, all.slice(0, 20), { selfId: peerId(3), random: seededRandom(1) })
    expect(picked).toHaveLength(19)
    expect(picked.some(({ id }) => id === peerId(3))).toBe(false)
  })

  test('always has the meeting points of the blob among a bounded number', () => {
    const meeting = hubMembers(
      oid,
      all.map(({ id }) => id),
    )
    for (const n of [1, 2, 3]) {
      const picked = pickNeighbours(oid, all, { selfId: peerId(n), random: seededRandom(n) })
      expect(picked).toHaveLength(50)
      expect(new Set(picked.map(({ id }) => id)).size).toBe(50)
      for (const id of meeting.filter((id) => id !== peerId(n)))
        expect(picked.some((peer) => peer.id === id)).toBe(true)
    }
  })

  test('keeps a large swarm connected even without its meeting points', () => {
    const meeting = new Set(
      hubMembers(
        oid,
        all.map(({ id }) => id),
        17,
      ),
    )
    const random = seededRandom(7)
    const edges = new Map(
      all.map((peer) => [peer.id, pickNeighbours(oid, all, { selfId: peer.id, random }).map(({ id }) => id)]),
    )
    const start = all.find(({ id }) => !meeting.has(id))
    const seen = new Set(start ? [start.id] : [])
    for (const id of seen) for (const next of edges.get(id) ?? []) if (!meeting.has(next)) seen.add(next)
    expect(seen.size).toBe(all.length - meeting.size)
  })
})
