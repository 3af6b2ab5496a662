import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createOidHasher } from '../../src/blob/digest.ts'
import { parseOid } from '../../src/blob/oid.ts'
import { content, flipped } from './content.ts'
import { MemorySource } from './memory-source.ts'
import { type MemoryPeer, MemorySwarm } from './memory-swarm.ts'
import { bring, rejection } from './transfer-bench.ts'

const MiB = 2 ** 20
const bytes = content(24 * MiB)
const allPieces = Array.from({ length: 24 }, (_, piece) => piece)
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dfhf-mend-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function bringFrom(
  peers: readonly MemoryPeer[],
  hub: MemorySource | undefined = new MemorySource(bytes),
) {
  const swarm = new MemorySwarm(peers)
  const result = await bring(folder, bytes, { hub, swarm })
  return { ...result, hub, swarm, content: await readFile(result.path) }
}

describe('a swarm with peers that lie', () => {
  test('takes everything from an honest peer and nothing from the hub', async () => {
    const { content: got, bytes: cost } = await bringFrom([{ id: 'honest', bytes }])
    expect(Buffer.compare(got, bytes)).toBe(0)
    expect(cost).toEqual({ hub: 0, peers: bytes.length, local: 0 })
  })

  test('finds a wrong piece, bans who sent it, and fetches far less than the file anew', async () => {
    const liar = { id: 'liar', bytes: flipped(bytes, 5 * MiB + 3) }
    const honest = { id: 'honest', bytes, pieces: allPieces.filter((piece) => piece !== 5) }
    const { content: got, swarm, bytes: cost } = await bringFrom([liar, honest])
    expect(Buffer.compare(got, bytes)).toBe(0)
    expect(swarm.banned).toEqual(['liar'])
    expect(cost.hub).toBeGreaterThan(0)
    expect(cost.hub).toBeLessThan(bytes.length)
  })

  test('refuses a piece that is not what its sender claims at once, without waiting for the whole', async () => {
    const claims = 'of its bytes' as const
    const sender = { id: 'broken', bytes, claims }
    const swarm = new MemorySwarm([sender])
    swarm.sources.set('broken', new MemorySource(flipped(bytes, 3 * MiB)))
    const hub = new MemorySource(bytes)
    const { path } = await bring(folder, bytes, { hub, swarm })
    expect(Buffer.compare(await readFile(path), bytes)).toBe(0)
    expect(swarm.banned).toEqual(['broken'])
  })

  test('puts things right when every piece of the only peer is wrong', async () => {
    const everywhere = Array.from({ length: 24 }, (_, piece) => piece * MiB)
    const liar = { id: 'liar', bytes: flipped(bytes, ...everywhere) }
    const { content: got, swarm, hub } = await bringFrom([liar])
    expect(Buffer.compare(got, bytes)).toBe(0)
    expect(swarm.banned).toEqual(['liar'])
    // What was fetched to compare takes the place of what was wrong.
    expect(hub.sent).toBe(bytes.length)
  })

  test('puts two peers right at once whose pieces are both among the compared ones', async () => {
    const lie = (first: number) =>
      flipped(bytes, ...Array.from({ length: 12 }, (_, n) => (first + 2 * n) * MiB + 1))
    const even = { id: 'even', bytes: lie(0), pieces: Array.from({ length: 12 }, (_, n) => 2 * n) }
    const odd = { id: 'odd', bytes: lie(1), pieces: Array.from({ length: 12 }, (_, n) => 2 * n + 1) }
    const { content: got, hub, bytes: cost } = await bringFrom([even, odd])
    expect(Buffer.compare(got, bytes)).toBe(0)
    expect(hub.sent).toBe(bytes.length)
    expect(cost).toEqual({ hub: bytes.length, peers: bytes.length, local: 0 })
  })

  test('finds one liar after another, and checks the whole again after each', async () => {
    const lie = (first: number) =>
      flipped(bytes, ...Array.from({ length: 12 }, (_, n) => (first + 2 * n) * MiB + 1))
    const even = { id: 'even', bytes: lie(0), pieces: Array.from({ length: 12 }, (_, n) => 2 * n) }
    const odd = { id: 'odd', bytes: lie(1), pieces: Array.from({ length: 12 }, (_, n) => 2 * n + 1) }
    const { content: got, swarm } = await bringFrom([even, odd])
    expect(Buffer.compare(got, bytes)).toBe(0)
    // They had a part, and may have believed what they passed on.
    expect(swarm.banned).toEqual([])
    expect(swarm.shunned.toSorted()).toEqual(['even', 'odd'])
  })

  test('goes on with the honest peer when the hub may not be asked', async () => {
    const liar = { id: 'liar', bytes: flipped(bytes, 7 * MiB) }
    // The honest one has the wrong piece only once the whole has turned out to be wrong.
    const honest = { id: 'honest', bytes, pieces: allPieces.filter((piece) => piece !== 7) }
    const swarm = new (class extends MemorySwarm {
      override collectDigests(pieces: readonly number[]) {
        this.tell('honest', [7])
        return super.collectDigests(pieces)
      }
    })([liar, honest])
    const { path, bytes: cost } = await bring(folder, bytes, { swarm })
    expect(Buffer.compare(await readFile(path), bytes)).toBe(0)
    expect(swarm.banned).toEqual(['liar'])
    expect(cost.hub).toBe(0)
    // All that the liar had sent is fetched again, and from the other one alone.
    expect(swarm.sources.get('honest')?.sent).toBeGreaterThanOrEqual(bytes.length)
  })

  test('is found out though the connection that fetches the hub’s bytes stands still', async () => {
    const liar = { id: 'liar', bytes: flipped(bytes, 5 * MiB + 3) }
    const hub = new MemorySource(bytes, { mischief: ({ number }) => (number === 1 ? 'stall' : undefined) })
    const swarm = new MemorySwarm([liar])
    const { path } = await bring(folder, bytes, { hub, swarm, stallMs: Number.POSITIVE_INFINITY })
    expect(Buffer.compare(await readFile(path), bytes)).toBe(0)
    expect(swarm.banned).toEqual(['liar'])
  }, 60_000)

  test('is looked for no longer once the user aborts', async () => {
    const liar = { id: 'liar', bytes: flipped(bytes, 5 * MiB + 3) }
    const user = new AbortController()
    let askedAtAbort = 0
    const hub: MemorySource = new MemorySource(bytes, {
      mischief: ({ number }) => {
        if (number === 2)
          setTimeout(() => {
            askedAtAbort = hub.requests.length
            user.abort()
          }, 50)
        return 'stall'
      },
    })
    const options = { hub, swarm: new MemorySwarm([liar]), signal: user.signal }
    expect(await rejection(bring(folder, bytes, options))).toBe(user.signal.reason)
    expect(askedAtAbort).toBeGreaterThan(1)
    expect(hub.requests).toHaveLength(askedAtAbort)
  }, 60_000)

  test('fetches all of a peer anew at once when the wrong piece is not among the first suspects', async () => {
    const liar = { id: 'liar', bytes: flipped(bytes, 23 * MiB + 5) }
    const hub = new MemorySource(bytes)
    const swarm = new (class extends MemorySwarm {
      override collectDigests = async () => new Map()
    })([liar])
    const { path } = await bring(folder, bytes, { hub, swarm })
    expect(Buffer.compare(await readFile(path), bytes)).toBe(0)
    expect(swarm.banned).toEqual(['liar'])
    expect(hub.mostOpen).toBeGreaterThan(1)
    expect(hub.sent).toBeLessThanOrEqual(bytes.length + 4 * MiB)
  })

  test('gives up with one error when only a liar is left', async () => {
    const swarm = new MemorySwarm([{ id: 'liar', bytes: flipped(bytes, 7 * MiB) }])
    let now = 0
    // The clock runs ahead so that the patience with absent peers is over at once.
    const clock = () => (now += 1000)
    const error = await rejection(bring(folder, bytes, { swarm, clock, stallMs: 1e9 }))
    expect(error).toMatchObject({ code: 'no-source' })
  })

  test('asks a peer that breaks off no more, and loses nothing', async () => {
    const breaking = { id: 'breaking', bytes, mischief: () => 'cut' as const }
    const { content: got, swarm, hub } = await bringFrom([breaking])
    expect(Buffer.compare(got, bytes)).toBe(0)
    const peer = swarm.sources.get('breaking')
    expect(peer?.requests.length).toBeLessThan(8)
    expect((peer?.sent ?? 0) + hub.sent).toBe(bytes.length)
  })

  test('shares the work between peers and hub when peers have only a part', async () => {
    const half = Array.from({ length: 12 }, (_, piece) => piece)
    const { content: got, bytes: cost } = await bringFrom([{ id: 'half', bytes, pieces: half }])
    expect(Buffer.compare(got, bytes)).toBe(0)
    expect(cost).toEqual({ hub: 12 * MiB, peers: 12 * MiB, local: 0 })
  })
})

describe('a blob that was whole and rotted', () => {
  const anyOid = parseOid('0'.repeat(64))
  const hasher = createOidHasher(anyOid, bytes.length)
  hasher.update(bytes)
  const oid = hasher.digest()

  async function mend(
    parts: { readonly hub?: MemorySource; readonly swarm?: MemorySwarm },
    ...wrong: readonly number[]
  ) {
    await writeFile(join(folder, oid), flipped(bytes, ...wrong))
    const opening = { mending: { signal: new AbortController().signal } }
    const { path, bytes: cost } = await bring(folder, bytes, { ...parts, opening })
    expect(Buffer.compare(await readFile(path), bytes)).toBe(0)
    return cost
  }

  test('is repaired by the pieces whose digests a peer says are others', async () => {
    const hub = new MemorySource(bytes)
    const swarm = new MemorySwarm([{ id: 'honest', bytes }])
    await mend({ hub, swarm }, 3 * MiB, 20 * MiB + 7)
    expect(hub.sent).toBe(2 * MiB)
    expect(swarm.sources.get('honest')?.sent).toBe(0)
  })

  test('is repaired by these also where many are wrong, or the hub may not be asked', async () => {
    const wrong = [1, 3, 5, 7, 9, 11].map((piece) => piece * MiB)
    const hub = new MemorySource(bytes)
    await mend({ hub, swarm: new MemorySwarm([{ id: 'honest', bytes }]) }, ...wrong)
    expect(hub.sent).toBe(6 * MiB)
    const swarm = new MemorySwarm([{ id: 'honest', bytes }])
    expect(await mend({ swarm }, ...wrong)).toEqual({ hub: 0, peers: 6 * MiB, local: 0 })
  })

  test('is fetched whole from the hub, and once, where no one can tell which piece is wrong', async () => {
    const hub = new MemorySource(bytes)
    await mend({ hub }, 20 * MiB)
    expect(hub.sent).toBe(bytes.length)
  })

  test('is put right in spite of a peer that names wrong digests, and of more that it does not name', async () => {
    const hub = new MemorySource(bytes)
    const liar = { id: 'liar', bytes: flipped(bytes, 2 * MiB, 20 * MiB, 21 * MiB) }
    await mend({ hub, swarm: new MemorySwarm([liar]) }, 20 * MiB, 22 * MiB)
    expect(hub.sent).toBeLessThanOrEqual(bytes.length)
  })
})
