import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { DfhfError } from '../../src/base/errors.ts'
import { type Oid, parseOid } from '../../src/blob/oid.ts'
import type { BundlePeers } from '../../src/swarm/client/bundle-peers.ts'
import type { BundledBlob } from '../../src/swarm/protocol/bundle-wire.ts'
import type { PeerInfo } from '../../src/swarm/protocol/peer-info.ts'
import { RateLimiter } from '../../src/transfer/rate-limiter.ts'
import { SmallBundles } from '../../src/transfer/small-bundles.ts'
import type { TransferEvent } from '../../src/transfer/transfer-event.ts'
import { samplePeer } from '../swarm/samples.ts'

const blobs = Array.from({ length: 200 }, (_, index) => {
  const bytes = Buffer.from(`blob ${index}`)
  return { oid: parseOid(createHash('sha256').update(bytes).digest('hex')), size: bytes.length, bytes }
})
const bytesOf = new Map<Oid, Uint8Array>(blobs.map(({ oid, bytes }) => [oid, bytes]))

type Give = (wanted: readonly Oid[]) => AsyncIterable<BundledBlob> | Iterable<BundledBlob>

const everything: Give = (wanted) =>
  wanted.map((oid) => ({ oid, bytes: bytesOf.get(oid) ?? expect.unreachable() }))

/** Peers that each give what their function says. */
function setUp(peers: readonly Give[]) {
  const asked: number[][] = peers.map(() => [])
  const banned: string[] = []
  const events: TransferEvent[] = []
  const infos = peers.map((_, index) => samplePeer(index))
  const indexOf = ({ id }: PeerInfo) => infos.findIndex((info) => info.id === id)
  const stop = new AbortController()
  const access: BundlePeers = {
    searched: Promise.resolve(),
    live: () => infos,
    async open(peer, wanted) {
      const index = indexOf(peer)
      asked[index]?.push(wanted.size)
      const given = peers[index]?.([...wanted.keys()]) ?? []
      return {
        at: { host: '10.0.0.1', port: 1 },
        blobs: (async function* () {
          yield* given
        })(),
      }
    },
    ban: ({ name }) => void banned.push(name),
    note: () => {},
  }
  const bundles = new SmallBundles({
    peers: access,
    limiter: new RateLimiter(0),
    report: (event) => void events.push(event),
    signal: stop.signal,
  })
  bundles.expect(blobs)
  return { bundles, asked, banned, events, stop }
}

/** Takes all in turn, some at a time, and gives the numbers of those that came. */
async function takeAll(bundles: SmallBundles): Promise<number[]> {
  const came: number[] = []
  let next = 0
  const work = async () => {
    for (let at = next++; at < blobs.length; at = next++) {
      const blob = blobs[at] ?? expect.unreachable()
      const bytes = await bundles.take(blob.oid, at)
      if (bytes) expect(Buffer.from(bytes).equals(blob.bytes)).toBe(true)
      if (bytes) came.push(at)
    }
  }
  await Promise.all(Array.from({ length: 16 }, work))
  return came.sort((a, b) => a - b)
}

const all = blobs.map((_, index) => index)

describe('small blobs', () => {
  test('come many by one request, each told of once', async () => {
    const { bundles, asked, events } = setUp([everything])
    expect(await takeAll(bundles)).toEqual(all)
    expect(asked[0]?.reduce((sum, count) => sum + count, 0)).toBe(blobs.length)
    expect(asked[0]?.length).toBeLessThan(5)
    expect(events.filter(({ type }) => type === 'task-done')).toHaveLength(blobs.length)
    expect(events).toContainEqual({ type: 'bytes', id: 7, count: 6, kind: 'peers', source: 'host-0' })
  })

  test('that a peer lacks are left to the Hub, the others come', async () => {
    const { bundles } = setUp([
      (wanted) => [...(everything(wanted) as BundledBlob[])].filter((_, at) => at % 2 === 0),
    ])
    const came = await takeAll(bundles)
    expect(came.length).toBeGreaterThan(90)
    expect(came.length).toBeLessThan(110)
  })

  test('come from another peer where the first has none or breaks', async () => {
    const broken = async function* (wanted: readonly Oid[]) {
      yield* (everything(wanted) as BundledBlob[]).slice(0, 3)
      throw new DfhfError('network', 'cut')
    }
    const { bundles, asked } = setUp([() => [], broken, everything])
    expect(await takeAll(bundles)).toEqual(all)
    expect([asked[0]?.length, asked[1]?.length]).toEqual([1, 1])
  })

  test('are left to the Hub where no peer has them, after few questions', async () => {
    const { bundles, asked } = setUp(Array.from({ length: 30 }, () => () => []))
    expect(await takeAll(bundles)).toEqual([])
    expect(asked.flat().length).toBeLessThan(13)
  })

  test('that are wrong are not given, and their sender is banned', async () => {
    const { bundles, banned } = setUp([
      (wanted) => wanted.map((oid) => ({ oid, bytes: Buffer.from('lies') })),
    ])
    expect(await takeAll(bundles)).toEqual([])
    expect(banned).toEqual(['host-0'])
  })

  test('that are not wanted any more are not waited for', async () => {
    const { bundles } = setUp([everything])
    for (const { oid } of blobs.slice(0, 150)) bundles.drop(oid)
    const taken = await Promise.all(blobs.slice(150).map(({ oid }, id) => bundles.take(oid, id)))
    expect(taken.every((bytes) => bytes !== undefined)).toBe(true)
    expect(await bundles.take(blobs[0]?.oid ?? expect.unreachable(), 1)).toBeUndefined()
  })

  test('are given up when all is given up', async () => {
    const { bundles, stop } = setUp([
      async function* () {
        await new Promise((_, reject) =>
          stop.signal.addEventListener('abort', () => reject(stop.signal.reason)),
        )
      },
    ])
    const taking = takeAll(bundles)
    setTimeout(() => stop.abort(), 20)
    expect(await taking).toEqual([])
  })
})
