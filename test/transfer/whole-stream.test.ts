import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DfhfError } from '../../src/base/errors.ts'
import type { ByteRange } from '../../src/blob/pieces.ts'
import { RangeIgnoredError } from '../../src/http/ranges/range-request.ts'
import { content, flipped } from './content.ts'
import { MemorySource, type Mischief } from './memory-source.ts'
import { MemorySwarm } from './memory-swarm.ts'
import { bring, rejection } from './transfer-bench.ts'

const MiB = 2 ** 20
const bytes = content(6 * MiB + 9)
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dfhf-whole-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** A Hub that sends all of the blob or nothing. */
class WholeSource extends MemorySource {
  refusal: DfhfError | undefined

  override async open(
    range: ByteRange,
    options: { readonly signal: AbortSignal },
  ): Promise<AsyncIterable<Uint8Array>> {
    if (this.refusal) throw this.refusal
    if (range.start !== 0 || range.end !== bytes.length) throw new RangeIgnoredError('http://hub/f')
    return await super.open(range, options)
  }
}

describe('a Hub that gives no ranges', () => {
  test('is read as one stream', async () => {
    const hub = new WholeSource(bytes)
    const { path, bytes: cost } = await bring(folder, bytes, { hub })
    expect(Buffer.compare(await readFile(path), bytes)).toBe(0)
    expect(hub.requests).toEqual([{ start: 0, end: bytes.length }])
    expect(cost).toEqual({ hub: bytes.length, peers: 0, local: 0 })
  })

  test('is read anew when the stream breaks, or stands still', async () => {
    const faults: readonly ReturnType<Mischief>[] = ['cut', 'stall']
    const hub = new WholeSource(bytes, { mischief: ({ number }) => faults[number - 1] })
    const { path, retries } = await bring(folder, bytes, { hub, stallMs: 300 })
    expect(Buffer.compare(await readFile(path), bytes)).toBe(0)
    expect(hub.requests).toHaveLength(3)
    expect(retries).toBe(2)
  })

  test('that refuses the stream ends the transfer with its error', async () => {
    const hub = new WholeSource(bytes)
    hub.refusal = new DfhfError('forbidden', 'not yours')
    expect(await rejection(bring(folder, bytes, { hub }))).toBe(hub.refusal)
  })

  test('is read once more where peers have sent wrong bytes', async () => {
    const swarm = new MemorySwarm([{ id: 'liar', bytes: flipped(bytes, 3 * MiB) }])
    const hub = new WholeSource(bytes)
    const { path } = await bring(folder, bytes, { hub, swarm })
    expect(Buffer.compare(await readFile(path), bytes)).toBe(0)
    expect(swarm.banned).toEqual(['liar'])
    expect(hub.requests.every(({ start, end }) => start === 0 && end === bytes.length)).toBe(true)
  })
})
