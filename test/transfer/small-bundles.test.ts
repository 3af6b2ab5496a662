import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { DfhfError } from '../../src/base/errors.ts'
import { type Oid, parseOid } from '../../src/blob/oid.ts'
import type { BundlePeers } from '../../src/swarm/client/bundle-peers.ts'
import type { BundledBlob } from '../../src/swarm/protocol/bundle-wire.ts'
import type { PeerInfo } from '../../src/swarm/protocol/peer-info.ts'
import { RateLimiter } from '../../src/transfer/rate-limiter.ts'
import { SmallBundles } from '../../src/transfer/small-bundles.ts'
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
  const came = new Map<Oid, { readonly text: string; readonly peer: string }>()
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
        parts: (async function* () {
          for await (const blob of given) yield { blobs: [blob], chunk: blob.bytes }
        })(),
      }
    },
    ban: ({ name }) => void banned.push(name),
    note: () => {},
  }
  const bundles = new SmallBundles({
    peers: access,
    limiter: new RateLimiter(0),
    signal: stop.signal,
  })
  bundles.expect(blobs, (part) => {
    for (const { oid, bytes } of part.blobs) {
      expect(came.has(oid)).toBe(false)
      came.set(oid, { text: Buffer.from(bytes).toString(), peer: part.peer })
      bundles.settle(oid)
    }
    return undefined
  })
  /** Waits for each in turn, some at a time, and gives the numbers of those that came. */
  const waitForAll = async (): Promise<number[]> => {
    const found: number[] = []
    let next = 0
    const work = async () => {
      for (let at = next++; at < blobs.length; at = next++) {
        const { oid } = blobs[at] ?? expect.unreachable()
        await bundles.wait(oid)
        if (!came.has(oid)) continue
        expect(came.get(oid)?.text).toBe(`blob ${at}`)
        found.push(at)
      }
    }
    await Promise.all(Array.from({ length: 16 }, work))
    return found.sort((a, b) => a - b)
  }
  return { bundles, asked, banned, came, stop, waitForAll }
}

const all = blobs.map((_, index) => index)

describe('small blobs', () => {
  test('come many by one request, each once', async () => {
    const { asked, came, waitForAll } = setUp([everything])
    expect(await waitForAll()).toEqual(all)
    expect(asked[0]?.reduce((sum, count) => sum + count, 0)).toBe(blobs.length)
    expect(asked[0]?.length).toBeLessThan(5)
    expect(new Set([...came.values()].map(({ peer }) => peer))).toEqual(new Set(['host-0']))
  })

  test('come ahead of their turn: who waits for the first finds the others there', async () => {
    const { bundles, came } = setUp([everything])
    await bundles.wait(blobs[0]?.oid ?? expect.unreachable())
    for (const { oid } of blobs) await bundles.wait(oid)
    expect(came.size).toBe(blobs.length)
  })

  test('are read no faster than they are taken', async () => {
    let read = 0
    const { bundles, came } = setUp([
      function* (wanted) {
        for (const blob of everything(wanted) as BundledBlob[]) {
          read += 1
          yield blob
        }
      },
    ])
    const taken = Promise.withResolvers<void>()
    const first = Promise.withResolvers<void>()
    bundles.expect(blobs, ({ blobs: arrived }) => {
      for (const { oid } of arrived) {
        came.set(oid, { text: '', peer: '' })
        bundles.settle(oid)
      }
      first.resolve()
      return taken.promise
    })
    const waiting = bundles.wait(blobs[1]?.oid ?? expect.unreachable())
    await first.promise
    expect([read, came.size]).toEqual([1, 1])
    taken.resolve()
    await waiting
    expect(came.size).toBeGreaterThan(1)
  })

  test('that a peer lacks are left to the Hub, the others come', async () => {
    const { waitForAll } = setUp([
      (wanted) => [...(everything(wanted) as BundledBlob[])].filter((_, at) => at % 2 === 0),
    ])
    const found = await waitForAll()
    expect(found.length).toBeGreaterThan(90)
    expect(found.length).toBeLessThan(110)
  })

  test('come from another peer where the first has none or breaks', async () => {
    const broken = async function* (wanted: readonly Oid[]) {
      yield* (everything(wanted) as BundledBlob[]).slice(0, 3)
      throw new DfhfError('network', 'cut')
    }
    const { waitForAll, asked } = setUp([() => [], broken, everything])
    expect(await waitForAll()).toEqual(all)
    expect([asked[0]?.length, asked[1]?.length]).toEqual([1, 1])
  })

  test('are left to the Hub where no peer has them, after few questions', async () => {
    const { waitForAll, asked } = setUp(Array.from({ length: 30 }, () => () => []))
    expect(await waitForAll()).toEqual([])
    expect(asked.flat().length).toBeLessThan(13)
  })

  test('that are wrong are not given, and their sender is banned', async () => {
    const { waitForAll, banned } = setUp([
      (wanted) => wanted.map((oid) => ({ oid, bytes: Buffer.from('lies') })),
    ])
    expect(await waitForAll()).toEqual([])
    expect(banned).toEqual(['host-0'])
  })

  test('are given up when all is given up', async () => {
    const { waitForAll, stop } = setUp([
      async function* () {
        await new Promise((_, reject) =>
          stop.signal.addEventListener('abort', () => reject(stop.signal.reason)),
        )
      },
    ])
    const waiting = waitForAll()
    setTimeout(() => stop.abort(), 20)
    expect(await waiting).toEqual([])
  })
})
