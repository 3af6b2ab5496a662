import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseOid } from '../../src/blob/oid.ts'
import { openPartialBlob } from '../../src/storage/partial/partial-blob.ts'
import type { BlobTransfer } from '../../src/transfer/blob-transfer.ts'
import { HubBudget } from '../../src/transfer/hub/hub-budget.ts'
import { content } from './content.ts'
import { MemorySource, type Mischief } from './memory-source.ts'
import { MemorySwarm } from './memory-swarm.ts'
import { type BenchOptions, bring, rejection } from './transfer-bench.ts'

const MiB = 2 ** 20
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dfhf-transfer-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

function transfer(bytes: Uint8Array, hub: MemorySource, options: BenchOptions = {}) {
  return bring(folder, bytes, { hub, ...options })
}

describe('a transfer from the hub alone', () => {
  for (const size of [0, 1, 1000, MiB - 1, MiB, MiB + 1, 20 * MiB + 17]) {
    test(`brings ${size} bytes whole, each of them once`, async () => {
      const bytes = content(size)
      const hub = new MemorySource(bytes)
      const { path, bytes: cost } = await transfer(bytes, hub)
      expect(Buffer.compare(await readFile(path), bytes)).toBe(0)
      expect(cost).toEqual({ hub: size, peers: 0, local: 0 })
      expect(await readdir(folder)).toEqual([path.slice(folder.length + 1)])
    })
  }

  test('never opens more connections than its budget', async () => {
    const bytes = content(24 * MiB)
    const hub = new MemorySource(bytes)
    await transfer(bytes, hub, { budget: new HubBudget({ max: 3 }) })
    expect(hub.mostOpen).toBeLessThanOrEqual(3)
    expect(hub.mostOpen).toBeGreaterThan(1)
  })

  const faults: Record<string, Mischief> = {
    'a request that fails': ({ number }) => (number === 2 ? 'fail' : undefined),
    'a connection that breaks midway': ({ number }) => (number % 3 === 1 ? 'cut' : undefined),
    'a connection that stalls': ({ number }) => (number === 3 ? 'stall' : undefined),
  }
  for (const [name, mischief] of Object.entries(faults)) {
    test(`survives ${name} and refetches at most the broken pieces`, async () => {
      const bytes = content(16 * MiB + 5)
      const hub = new MemorySource(bytes, { mischief })
      const { path, retries } = await transfer(bytes, hub, { stallMs: 300 })
      expect(Buffer.compare(await readFile(path), bytes)).toBe(0)
      expect(retries).toBeGreaterThan(0)
      expect(hub.sent).toBeLessThan(bytes.length + retries * 8 * MiB)
    })
  }

  test('lands a piece of which a cut request has left every byte', async () => {
    const bytes = content(3 * MiB)
    // Once it asks for nothing again and again, it fails rather than goes on for ever.
    const mischief: Mischief = ({ number }) => (number > 50 ? 'fail' : undefined)
    const hub = new MemorySource(bytes, { mischief })
    const leaveAll = async ({ writers }: BlobTransfer) => {
      const writer = writers.claim(1)
      await writer?.write(bytes.subarray(MiB, 2 * MiB))
      writer?.close({ keep: true })
      await writer?.settled()
    }
    const { path } = await transfer(bytes, hub, { before: leaveAll })
    expect(Buffer.compare(await readFile(path), bytes)).toBe(0)
    expect(hub.sent).toBe(2 * MiB + 1)
  })

  test('keeps what the hub has sent of a piece when a peer that is asked for it breaks off', async () => {
    const bytes = content(3 * MiB)
    const hub = new MemorySource(bytes)
    const swarm = new MemorySwarm([{ id: 'breaks', bytes }])
    const mischief: Mischief = () => 'cut'
    const peer = new MemorySource(bytes, { kind: 'peers', mischief })
    swarm.sources.set('breaks', peer)
    const leaveHalf = async ({ writers }: BlobTransfer) => {
      const writer = writers.claim(1)
      await writer?.write(bytes.subarray(MiB, 1.5 * MiB))
      writer?.close({ keep: true })
      await writer?.settled()
    }
    const { path } = await transfer(bytes, hub, { swarm, before: leaveHalf })
    expect(Buffer.compare(await readFile(path), bytes)).toBe(0)
    expect(peer.requests.some(({ start }) => start === MiB || start === 0)).toBe(true)
    expect(hub.sent).toBe(2.5 * MiB)
  })

  test('refuses bytes that do not hash to the oid', async () => {
    const bytes = content(3 * MiB)
    const error = await rejection(transfer(bytes, new MemorySource(bytes), { oid: 'a'.repeat(64) }))
    expect(error).toMatchObject({ code: 'verification-failed' })
  })

  test('resumes from the pieces that an aborted run left', async () => {
    const bytes = content(16 * MiB)
    const stop = new AbortController()
    const first = new MemorySource(bytes, {
      mischief: ({ number }) => {
        if (number > 4) stop.abort()
        return undefined
      },
    })
    const error = await rejection(
      transfer(bytes, first, { signal: stop.signal, budget: new HubBudget({ max: 1 }) }),
    )
    expect(error).toMatchObject({ name: 'AbortError' })
    const second = new MemorySource(bytes)
    const { path, bytes: cost } = await transfer(bytes, second)
    expect(Buffer.compare(await readFile(path), bytes)).toBe(0)
    expect(cost.hub).toBeLessThan(bytes.length)
    expect(first.sent + second.sent).toBeLessThan(bytes.length + 8 * MiB)
  })

  test('finds the pieces that rotted on disk between two runs and keeps the others', async () => {
    const bytes = content(16 * MiB)
    const stop = new AbortController()
    const first = new MemorySource(bytes, {
      mischief: ({ number }) => {
        if (number > 4) stop.abort()
        return undefined
      },
    })
    await rejection(transfer(bytes, first, { signal: stop.signal, budget: new HubBudget({ max: 1 }) }))
    const [partial] = (await readdir(folder)).filter((name) => name.endsWith('.dfhf.incomplete'))
    const rotten = Bun.file(join(folder, partial ?? ''))
    const before = new Uint8Array(await rotten.arrayBuffer())
    before[100] = (before[100] ?? 0) ^ 1
    await Bun.write(rotten, before)
    const kept = await keptPieces(bytes)
    expect(kept).toBeGreaterThan(1)
    const second = new MemorySource(bytes)
    const { path } = await transfer(bytes, second)
    expect(Buffer.compare(await readFile(path), bytes)).toBe(0)
    expect(second.sent).toBe(bytes.length - (kept - 1) * MiB)
  })
})

/** How many pieces of a blob an earlier run has left. */
async function keptPieces(bytes: Uint8Array): Promise<number> {
  const oid = parseOid(createHash('sha256').update(bytes).digest('hex'))
  await using file = await openPartialBlob({ folder, oid, size: bytes.length, finalPath: join(folder, oid) })
  return file.pieces.count
}
