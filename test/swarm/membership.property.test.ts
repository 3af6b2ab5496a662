import { expect, setDefaultTimeout, test } from 'bun:test'
import fc from 'fast-check'
import { pickNeighbours } from '../../src/swarm/client/neighbours.ts'
import { Membership } from '../../src/swarm/membership/membership.ts'
import type { PeerInfo } from '../../src/swarm/protocol/peer-info.ts'
import { seededRandom } from '../support/random/seeded-random.ts'
import { peerId, sampleOid, samplePeer } from './samples.ts'

setDefaultTimeout(60_000)

const limits = { maxPeers: 8, maxTold: 5, maxToldBySender: 3, maxPeersAtAddress: 2 }
const seed = samplePeer(1, { addresses: ['10.0.0.1'] })
const friends = [samplePeer(2, { addresses: ['10.0.0.2'] }), samplePeer(3, { addresses: ['10.0.0.3'] })]
const honest = [seed, ...friends]

/** The adversary has these addresses, may name any other, and may take any id, those of the honest ones included. */
const itsAddress = fc.nat(4).map((n) => `10.66.0.${n + 1}`)
const anyAddress = fc.oneof(itsAddress, fc.constantFrom(...honest.flatMap(({ addresses }) => addresses)))
const anyId = fc.oneof(fc.nat(30), fc.constantFrom(1, 2, 3))
const anyPort = fc.constantFrom(65002, 7001, 7002)
const facts = { port: anyPort, usesTls: fc.boolean(), fetchesForPeers: fc.boolean() }

function claim(n: number, addresses: readonly string[], changes: Partial<PeerInfo>): PeerInfo {
  return { ...samplePeer(n, { addresses }), ...changes }
}

const told = fc
  .record({
    n: anyId,
    addresses: fc.array(anyAddress, { minLength: 1, maxLength: 4 }),
    from: itsAddress,
    ...facts,
  })
  .chain((step) =>
    fc
      .constantFrom('announced' as const, 'hearsay' as const)
      .map((news) => ({ kind: 'told' as const, news, ...step })),
  )
const answers = fc.record({ kind: fc.constant('answers' as const), n: anyId, at: itsAddress, ...facts })
const says = fc.record({ kind: fc.constant('bye' as const), n: anyId, at: itsAddress })
const fails = fc.record({ kind: fc.constant('fails' as const), n: anyId, at: itsAddress, port: anyPort })
const lies = fc.record({ kind: fc.constant('lies' as const), n: anyId, at: itsAddress, port: anyPort })
const sweeps = fc.record({ kind: fc.constant('sweep' as const) })
const step = fc.record({ wait: fc.nat(2000), does: fc.oneof(told, answers, says, fails, lies, sweeps) })

test('no adversary drops a seed, moves, bans or crowds out a peer that answers, or fills the memory', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
      let clock = 0
      const members = new Membership({
        selfId: peerId(0),
        clusterFingerprint: undefined,
        now: () => clock,
        ...limits,
      })
      const speak = () => {
        members.heard(seed, 'seed')
        for (const friend of friends) {
          members.heard(friend, 'direct')
          members.preferAddress(friend.id, friend.addresses[0] ?? '')
        }
      }
      speak()
      for (const { wait, does } of steps) {
        clock += wait
        if (does.kind === 'told')
          members.heard(claim(does.n, does.addresses, factsOf(does)), does.news, 0, does.from)
        else if (does.kind === 'answers') {
          members.heard(claim(does.n, [does.at], factsOf(does)), 'direct')
          members.preferAddress(peerId(does.n), does.at)
        } else if (does.kind === 'bye') members.saidBye(peerId(does.n), does.at)
        else if (does.kind === 'fails') members.failed(peerId(does.n), { host: does.at, port: does.port })
        else if (does.kind === 'lies')
          members.ban(peerId(does.n), 'lies', 5000, { host: does.at, port: does.port })
        else members.sweep()
        for (const one of honest) {
          expect(members.isBanned(one)).toBe(false)
          expect(members.get(one.id)).toMatchObject({
            port: one.port,
            usesTls: false,
            fetchesForPeers: false,
          })
          expect(members.get(one.id)?.addresses[0]).toBe(one.addresses[0])
        }
        expect(members.standingOf(seed.id)).toBe('seed')
        expect(members.isKnownAt('10.0.0.1', 65002)).toBe(true)
        const live = members.live()
        expect(live.length).toBeLessThanOrEqual(limits.maxPeers + 1)
        expect(live.filter(({ id }) => members.standingOf(id) === 'told').length).toBeLessThanOrEqual(
          limits.maxTold,
        )
        expect(
          members.sample(100, seededRandom(1)).every(({ peer }) => members.standingOf(peer.id) !== 'told'),
        ).toBe(true)
        speak()
      }
    }),
    { numRuns: 500 },
  )
})

function factsOf({ port, usesTls, fetchesForPeers }: Pick<PeerInfo, 'port' | 'usesTls' | 'fetchesForPeers'>) {
  return { port, usesTls, fetchesForPeers }
}

test('a ban hits no other place than the one that is named', () => {
  const place = fc.record({
    n: fc.nat(3),
    host: fc.nat(3).map((n) => `10.0.0.${n}`),
    port: fc.constantFrom(1, 2),
  })
  const keyOf = ({ host, port }: { readonly host: string; readonly port: number }) => `${host}:${port}`
  fc.assert(
    fc.property(fc.array(place, { minLength: 1 }), fc.array(place), place, (known, banned, asked) => {
      const members = new Membership({ selfId: peerId(9), clusterFingerprint: undefined, now: () => 0 })
      for (const { n, host, port } of known)
        members.heard(samplePeer(n, { addresses: [host], port }), 'announced', 0, host)
      for (const { n, host, port } of banned) members.ban(peerId(n), 'lies', 1000, { host, port })
      const isHit = banned.some((each) => keyOf(each) === keyOf(asked))
      expect(members.isBanned(samplePeer(asked.n, { addresses: [asked.host], port: asked.port }))).toBe(isHit)
    }),
  )
})

test('20,000 invented peers take a bounded room and keep neither a seed nor an honest announcement out', () => {
  const members = new Membership({ selfId: peerId(0), clusterFingerprint: undefined, now: () => 0 })
  for (let n = 100; n < 20_100; n += 1)
    members.heard(samplePeer(n), 'announced', 0, `10.66.${(n >> 8) & 63}.${n & 255}`)
  expect(members.live().length).toBeLessThanOrEqual(2048)
  expect(members.heard(seed, 'seed')).toBe(true)
  for (const friend of friends) expect(members.heard(friend, 'announced', 0, friend.addresses[0])).toBe(true)
  expect(members.heard(samplePeer(4), 'direct')).toBe(true)
  const standingOf = (id: string) => members.standingOf(id)
  const options = { selfId: peerId(0), random: seededRandom(1), standingOf }
  const picked = pickNeighbours(sampleOid(), members.live(), options)
  expect(picked).toHaveLength(50)
  expect(picked).toContainEqual(seed)
  expect(picked).toContainEqual(samplePeer(4))
})

test('one host that answers under many ids, or tells of many, gets a few places among the neighbours', () => {
  const members = new Membership({ selfId: peerId(0), clusterFingerprint: undefined, now: () => 0 })
  for (let n = 1000; n < 1200; n += 1) {
    members.heard(samplePeer(n, { addresses: ['10.66.0.1'], port: n }), 'direct')
    members.preferAddress(peerId(n), '10.66.0.1')
  }
  for (let n = 2000; n < 2500; n += 1) members.heard(samplePeer(n), 'hearsay', 0, '10.66.0.1')
  for (let n = 1; n <= 40; n += 1) members.heard(samplePeer(n), 'direct')
  members.heard(samplePeer(50), 'announced', 0, '10.0.0.50')
  const standingOf = (id: string) => members.standingOf(id)
  const options = { selfId: peerId(0), random: seededRandom(1), standingOf }
  const picked = pickNeighbours(sampleOid(), members.live(), options)
  expect(picked.filter(({ addresses }) => addresses[0] === '10.66.0.1')).toHaveLength(4)
  for (const n of [...Array(40).keys()].map((k) => k + 1).concat(50))
    expect(picked).toContainEqual(samplePeer(n))
})
