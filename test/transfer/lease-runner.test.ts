import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pieceDigest } from '../../src/blob/digest.ts'
import { HUB } from '../../src/schedule/piece-board.ts'
import { content, flipped } from './content.ts'
import { leaseBench, type Told } from './lease-bench.ts'
import { MemorySource } from './memory-source.ts'
import { MemorySwarm } from './memory-swarm.ts'
import { rejection } from './transfer-bench.ts'

const MiB = 2 ** 20
const bytes = content(4 * MiB)
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dfhf-leases-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** What was told, without what differs from run to run. */
function summary(told: readonly Told[]): unknown[] {
  return told.map((each) => (each[0] === 'landed' ? [each[0], each[1], each[2].isNew] : each))
}

describe('a lease', () => {
  test('lands piece after piece, and has its connection for as long as it runs', async () => {
    const hub = new MemorySource(bytes)
    await using bench = await leaseBench(folder, bytes, { hub })
    let most = 0
    bench.onMoved(() => {
      most = Math.max(most, bench.connections())
    })
    await bench.run(bench.begin(HUB, 1, 3))
    expect(summary(bench.told)).toEqual([['landed', 1, true], ['landed', 2, true], ['ended']])
    expect(hub.requests).toEqual([{ start: MiB, end: 3 * MiB }])
    expect(Buffer.compare(await bench.piece(2), bytes.subarray(2 * MiB, 3 * MiB))).toBe(0)
    expect([most, bench.connections()]).toEqual([1, 0])
  })

  test('from a peer takes no connection to the Hub', async () => {
    await using bench = await leaseBench(folder, bytes, { swarm: new MemorySwarm([{ id: 'peer', bytes }]) })
    let most = 0
    bench.onMoved(() => {
      most = Math.max(most, bench.connections())
    })
    await bench.run(bench.begin('peer', 0, 1))
    expect(summary(bench.told)).toEqual([['landed', 0, true], ['ended']])
    expect(most).toBe(0)
  })

  test('that breaks is told with its error before its end, and what came from the Hub is gone on with', async () => {
    const hub = new MemorySource(bytes, { mischief: ({ number }) => (number === 1 ? 'cut' : undefined) })
    await using bench = await leaseBench(folder, bytes, { hub })
    await bench.run(bench.begin(HUB, 0, 1))
    expect(bench.told.map(([kind]) => kind)).toEqual(['failed', 'ended'])
    expect(bench.told[0]?.[1]).toMatchObject({ code: 'network' })
    await bench.run(bench.begin(HUB, 0, 1))
    expect(hub.requests[1]).toEqual({ start: MiB / 2, end: MiB })
    expect(hub.sent).toBe(MiB)
    expect(Buffer.compare(await bench.piece(0), bytes.subarray(0, MiB))).toBe(0)
  })

  test('begins with the first byte of its piece where the Hub gives no ranges', async () => {
    const hub = new MemorySource(bytes, { mischief: ({ number }) => (number === 1 ? 'cut' : undefined) })
    await using bench = await leaseBench(folder, bytes, { hub })
    await bench.run(bench.begin(HUB, 0, 1))
    bench.giveNoRanges()
    await bench.run(bench.begin(HUB, 0, 4))
    expect(hub.requests[1]).toEqual({ start: 0, end: 4 * MiB })
    expect(bench.told).toContainEqual(['lost', 'prefix', MiB / 2])
  })

  test('from a peer that breaks has brought nothing', async () => {
    const swarm = new MemorySwarm([{ id: 'peer', bytes, mischief: () => 'cut' }])
    await using bench = await leaseBench(folder, bytes, { swarm })
    await bench.run(bench.begin('peer', 0, 1))
    expect(bench.told[0]).toEqual(['lost', 'peer', MiB / 2])
    expect(bench.told.slice(1).map(([kind]) => kind)).toEqual(['failed', 'ended'])
    expect(bench.writers.prefixOf(0)).toBe(0)
  })

  test('ends where another has taken over the rest of it', async () => {
    const hub = new MemorySource(bytes)
    await using bench = await leaseBench(folder, bytes, { hub })
    bench.onMoved((lease) => bench.board.shrinkLease(lease, 1))
    await bench.run(bench.begin(HUB, 0, 4))
    expect(summary(bench.told)).toEqual([['landed', 0, true], ['ended']])
    expect(hub.sent).toBeLessThan(2 * MiB)
  })

  test('for a piece that another lease brings first counts its bytes as lost', async () => {
    const hub = new MemorySource(bytes)
    const swarm = new MemorySwarm([{ id: 'peer', bytes }])
    await using bench = await leaseBench(folder, bytes, { hub, swarm })
    const slow = bench.begin(HUB, 0, 1)
    const quick = bench.begin('peer', 0, 1)
    await Promise.all([bench.run(slow), bench.run(quick)])
    const landings = bench.told.flatMap((each) => (each[0] === 'landed' ? [each[2].isNew] : []))
    expect(landings.filter((isNew) => isNew)).toHaveLength(1)
    expect(bench.told.filter(([kind]) => kind === 'lost')).toHaveLength(1)
    expect(bench.told.filter(([kind]) => kind === 'failed')).toEqual([])
    expect(Buffer.compare(await bench.piece(0), bytes.subarray(0, MiB))).toBe(0)
  })
})

describe('a lease that is cut', () => {
  test('ends without an error, lands nothing more, and leaves what the Hub has sent to the next one', async () => {
    const hub = new MemorySource(bytes)
    await using bench = await leaseBench(folder, bytes, { hub })
    bench.onMoved((lease) => {
      if (lease.bytes === 3 * 65_536) bench.runner.cut(lease)
    })
    await bench.run(bench.begin(HUB, 0, 2))
    expect(summary(bench.told)).toEqual([['ended']])
    expect(bench.writers.prefixOf(0)).toBe(3 * 65_536)
    bench.onMoved(() => {})
    await bench.run(bench.begin(HUB, 0, 1))
    expect(hub.requests[1]?.start).toBe(3 * 65_536)
  })

  test('puts its bytes aside before the next one begins at the same piece', async () => {
    const hub = new MemorySource(bytes)
    await using bench = await leaseBench(folder, bytes, { hub })
    const again = Promise.withResolvers<void>()
    bench.onMoved((lease) => {
      if (lease.bytes !== 2 * 65_536) return
      bench.onMoved(() => {})
      bench.runner.cut(lease)
      bench.run(bench.begin(HUB, 0, 1)).then(again.resolve, again.reject)
    })
    bench.runner.start(bench.begin(HUB, 0, 1))
    await again.promise
    await bench.runner.settle()
    expect(hub.requests[1]?.start).toBe(2 * 65_536)
    expect(hub.sent).toBeLessThanOrEqual(MiB + 2 * 65_536)
  })

  test.each([
    ['with all others from its source', (runner: Runner) => runner.cutSource(HUB)],
    ['with all others', (runner: Runner) => runner.cutAll()],
  ])('%s says nothing of it', async (_, cut) => {
    const hub = new MemorySource(bytes, { mischief: () => 'stall' })
    await using bench = await leaseBench(folder, bytes, { hub })
    for (const piece of [0, 1, 2]) bench.runner.start(bench.begin(HUB, piece, piece + 1))
    const isStalled = Promise.withResolvers<void>()
    bench.onMoved(() => hub.sent >= 1.5 * MiB && isStalled.resolve())
    await isStalled.promise
    cut(bench.runner)
    await bench.runner.settle()
    expect(summary(bench.told)).toEqual([['ended'], ['ended'], ['ended']])
  })

  test('leaves those from other sources alone', async () => {
    const hub = new MemorySource(bytes)
    await using bench = await leaseBench(folder, bytes, { hub })
    bench.onMoved(() => bench.runner.cutSource('peer'))
    await bench.run(bench.begin(HUB, 0, 1))
    expect(summary(bench.told)).toEqual([['landed', 0, true], ['ended']])
  })

  test('by the end of the transfer is no failure either', async () => {
    const hub = new MemorySource(bytes)
    await using bench = await leaseBench(folder, bytes, { hub })
    bench.onMoved(() => bench.stop.abort())
    await bench.run(bench.begin(HUB, 0, 4))
    expect(bench.told.map(([kind]) => kind)).toEqual(['ended'])
  })
})

describe('a piece from a peer', () => {
  test('lands with its digest where the peer claims it rightly', async () => {
    const swarm = new MemorySwarm([{ id: 'peer', bytes, claims: 'of its bytes' }])
    await using bench = await leaseBench(folder, bytes, { swarm })
    await bench.run(bench.begin('peer', 2, 3))
    const digest = pieceDigest(bytes.subarray(2 * MiB, 3 * MiB))
    expect(bench.told[0]).toMatchObject(['landed', 2, { isNew: true, digest }])
  })

  test('lands without one where the peer claims none', async () => {
    await using bench = await leaseBench(folder, bytes, { swarm: new MemorySwarm([{ id: 'peer', bytes }]) })
    await bench.run(bench.begin('peer', 2, 3))
    expect(bench.told[0]).toMatchObject(['landed', 2, { isNew: true, digest: undefined }])
  })

  test('does not land where it is not what the peer claims', async () => {
    const swarm = new MemorySwarm([{ id: 'peer', bytes, claims: 'of its bytes' }])
    swarm.sources.set('peer', new MemorySource(flipped(bytes, MiB + 5), { kind: 'peers', name: 'peer' }))
    await using bench = await leaseBench(folder, bytes, { swarm })
    await bench.run(bench.begin('peer', 0, 3))
    expect(summary(bench.told)).toMatchObject([
      ['landed', 0, true],
      ['lost', 'peer', MiB],
      ['failed', { code: 'verification-failed' }],
      ['ended'],
    ])
    expect([...bench.board.have]).toEqual([0])
  })
})

test('a lease that its caller carries out throws what ends it, and tells of its pieces alone', async () => {
  const hub = new MemorySource(bytes, { mischief: ({ number }) => (number === 1 ? 'fail' : undefined) })
  await using bench = await leaseBench(folder, bytes, { hub })
  const lease = bench.begin(HUB, 0, 1)
  expect(await rejection(bench.runner.carryOut(lease))).toMatchObject({ code: 'network' })
  expect(bench.told).toEqual([])
  await bench.runner.carryOut(lease)
  expect(summary(bench.told)).toEqual([['landed', 0, true]])
  expect(bench.connections()).toBe(0)
})

type Runner = Awaited<ReturnType<typeof leaseBench>>['runner']
