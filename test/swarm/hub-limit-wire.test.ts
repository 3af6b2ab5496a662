import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { fromPeerHeader, limitsInPeerHeader, toPeerHeader } from '../../src/swarm/protocol/peer-info.ts'
import { samplePeer } from './samples.ts'

const limit = { hostTag: '0123456789abcdef', budget: 'api', hasAccount: true, forMs: 1_500 }

test('a peer’s header carries the limits that it met, and is read without them as before', () => {
  const peer = samplePeer(1, { addresses: [] })
  const plain = { ...limit, budget: '', hasAccount: false }
  const header = toPeerHeader(peer, [limit, plain])
  expect(limitsInPeerHeader(header)).toEqual([limit, plain])
  expect(fromPeerHeader(header, '10.0.0.1')).toEqual({ ...peer, addresses: ['10.0.0.1'] })
  expect(limitsInPeerHeader(toPeerHeader(peer))).toEqual([])
})

test('what is not a limit, or too many, counts for nothing', () => {
  const headerOf = (hubLimits: unknown) => encodeURIComponent(JSON.stringify({ hubLimits }))
  const good = { host: limit.hostTag, ms: 5 }
  expect(limitsInPeerHeader(headerOf(Array(9).fill(good)))).toHaveLength(4)
  for (const bad of [
    1,
    null,
    {},
    { ...good, ms: 0 },
    { ...good, ms: 4e6 },
    { ...good, host: 'hub' },
    { ...good, budget: 'A' },
  ])
    expect(limitsInPeerHeader(headerOf([bad]))).toEqual([])
  fc.assert(
    fc.property(fc.string(), fc.jsonValue(), (text, value) => {
      expect(limitsInPeerHeader(`hubLimits${text}`)).toEqual([])
      for (const { forMs } of limitsInPeerHeader(headerOf(value)))
        expect(forMs).toBeLessThanOrEqual(3_600_000)
    }),
  )
})
