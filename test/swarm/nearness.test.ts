import { expect, test } from 'bun:test'
import { pickNeighbours } from '../../src/swarm/client/neighbours.ts'
import { Nearness } from '../../src/swarm/membership/nearness.ts'
import { isZone, type PeerInfo } from '../../src/swarm/protocol/peer-info.ts'
import { seededRandom } from '../support/random/seeded-random.ts'
import { peerId, sampleOid, samplePeer } from './samples.ts'

const subnets = () => ['127.0.0.1/8', '10.1.2.3/24', '2001:db8:1::5/64']

function at(address: string, zone?: string) {
  return samplePeer(1, { addresses: [address], zone })
}

test('peers on a subnet of this machine are near, others far', () => {
  const nearness = new Nearness({ zone: undefined, subnets })
  for (const address of ['10.1.2.200', '127.0.0.1', '2001:db8:1::99'])
    expect(nearness.isFar(at(address)), address).toBe(false)
  for (const address of ['10.1.3.1', '192.0.2.1', '2001:db8:2::99'])
    expect(nearness.isFar(at(address)), address).toBe(true)
  expect(nearness.isFar(samplePeer(1, { addresses: [] }))).toBe(false)
})

test('the names of zones go before subnets where both peers have one', () => {
  const nearness = new Nearness({ zone: 'eu-1a', subnets })
  expect(nearness.isFar(at('192.0.2.1', 'eu-1a'))).toBe(false)
  expect(nearness.isFar(at('10.1.2.200', 'eu-1b'))).toBe(true)
  expect(nearness.isFar(at('10.1.2.200'))).toBe(false)
  expect(new Nearness({ zone: undefined, subnets }).isFar(at('192.0.2.1', 'eu-1a'))).toBe(true)
})

test('the subnets are looked at again after a while', () => {
  let now = 0
  let found = ['10.0.0.1/24']
  const nearness = new Nearness({ zone: undefined, subnets: () => found, now: () => now })
  expect(nearness.isFar(at('10.0.1.2'))).toBe(true)
  found = ['10.0.1.1/24']
  expect(nearness.isFar(at('10.0.1.2'))).toBe(true)
  now = 60_000
  expect(nearness.isFar(at('10.0.1.2'))).toBe(false)
})

test('a zone has a short name of letters, digits, dots, dashes and underscores', () => {
  for (const name of ['a', 'eu-west_1.a', 'A'.repeat(63)]) expect(isZone(name)).toBe(true)
  for (const name of ['', 'a b', 'a\n', 'zürich', '\x1b[2J', 'A'.repeat(64)]) expect(isZone(name)).toBe(false)
})

test('near peers are preferred among the neighbours, and some far ones stay', () => {
  const all = Array.from({ length: 500 }, (_, n) => samplePeer(n))
  const near = new Set(all.slice(0, 20).map(({ id }) => id))
  const isFar = ({ id }: PeerInfo) => !near.has(id)
  const options = { selfId: peerId(0), random: seededRandom(1), isFar }
  const picked = pickNeighbours(sampleOid(), all, options)
  expect(picked).toHaveLength(50)
  const nearPicked = picked.filter(({ id }) => near.has(id)).length
  expect(nearPicked).toBeGreaterThanOrEqual(17)
  expect(picked.length - nearPicked).toBeGreaterThanOrEqual(17)
})
