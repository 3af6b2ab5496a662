import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DfhfError } from '../../src/base/errors.ts'
import { parseOid } from '../../src/blob/oid.ts'
import { HUB } from '../../src/schedule/piece-board.ts'
import { openPartialBlob } from '../../src/storage/partial/partial-blob.ts'
import { type EngineOptions, TransferEngine } from '../../src/transfer/transfer-engine.ts'
import type { TransferEvent } from '../../src/transfer/transfer-event.ts'
import { content } from './content.ts'
import { MemorySource, type Mischief } from './memory-source.ts'
import { MemorySwarm } from './memory-swarm.ts'
import { rejection } from './transfer-bench.ts'

const MiB = 2 ** 20
const bytes = content(3 * MiB)
const oid = parseOid(createHash('sha256').update(bytes).digest('hex'))
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dfhf-engine-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** A swarm without peers that knows whether it was left. */
class OwnSwarm extends MemorySwarm {
  isLeft = false
  override close(): void {
    this.isLeft = true
  }
}

/** An engine that has begun to bring the blob; `stop` ends that. */
async function begin(
  stack: AsyncDisposableStack,
  options: {
    readonly mischief?: Mischief
    readonly mayShare?: Promise<boolean>
    readonly engine?: Partial<EngineOptions>
  } = {},
) {
  const file = await openPartialBlob({ folder, oid, size: bytes.length, finalPath: join(folder, oid) })
  stack.use(file)
  const events: TransferEvent[] = []
  const swarm = new OwnSwarm([])
  const report = (event: TransferEvent) => events.push(event)
  const engine = stack.use(new TransferEngine({ report, swarmOf: () => swarm, ...options.engine }))
  const { mischief, mayShare = Promise.resolve(true) } = options
  const hub = new MemorySource(bytes, mischief && { mischief })
  const place = { repo: 'org/name', commit: 'c'.repeat(40), path: 'f' }
  const stop = new AbortController()
  const request = { oid, size: bytes.length, file, hub, id: 7, place, mayShare: () => mayShare }
  return { engine, running: engine.start(request, stop.signal), stop, swarm, events, file }
}

describe('a transfer that has begun', () => {
  test('is there at once, and shows its pieces as they land and the source of each', async () => {
    await using stack = new AsyncDisposableStack()
    const { running, events, file } = await begin(stack)
    expect([running.oid, running.size, running.file]).toEqual([oid, bytes.length, file])
    const counts: number[] = []
    const stopListening = running.pieces.subscribe(() => counts.push(running.pieces.bitmap.count))
    expect(running.pieces.isFull).toBe(false)
    expect(await running.done).toEqual({ hub: bytes.length, peers: 0, local: 0 })
    stopListening()
    expect(counts).toContain(1)
    expect(running.pieces.isFull).toBe(true)
    expect(running.pieces.sourceOf(2)).toBe(HUB)
    expect(running.counters.bytes.hub).toBe(bytes.length)
    expect(events.findLast(({ type }) => type === 'task-done')).toMatchObject({ id: 7, oid, pieces: 3 })
  })

  test.each([
    ['leaves its swarm in the end', false],
    ['stays in its swarm where others may need it', true],
  ])('%s', async (_, staysInSwarms) => {
    await using stack = new AsyncDisposableStack()
    const { running, swarm } = await begin(stack, { engine: { staysInSwarms } })
    await running.done
    expect(swarm.isLeft).toBe(!staysInSwarms)
  })

  test('that fails leaves its swarm, is offered to peers no longer, and says why', async () => {
    await using stack = new AsyncDisposableStack()
    const refusal = new DfhfError('forbidden', 'not yours')
    const mischief: Mischief = () => {
      throw refusal
    }
    const { engine, running, swarm } = await begin(stack, { mischief })
    expect(await rejection(running.done)).toBe(refusal)
    expect(engine.shared(oid)).toBeUndefined()
    expect(swarm.isLeft).toBe(true)
  })

  test('ends with the signal', async () => {
    await using stack = new AsyncDisposableStack()
    const { running, stop } = await begin(stack, { mischief: () => 'stall' })
    stop.abort()
    expect(await rejection(running.done)).toMatchObject({ name: 'AbortError' })
  })

  test('is offered to peers once it is known that they may have it, and those that wait are told', async () => {
    await using stack = new AsyncDisposableStack()
    const permission = Promise.withResolvers<boolean>()
    const { engine, running } = await begin(stack, { mayShare: permission.promise })
    expect(engine.shared(oid)).toBeUndefined()
    const told = Promise.withResolvers<void>()
    const stopListening = engine.onShared(oid, told.resolve)
    permission.resolve(true)
    await told.promise
    stopListening()
    expect(engine.shared(oid)?.size).toBe(bytes.length)
    await running.done
    expect(engine.shared(oid)?.pieces.isFull).toBe(true)
    engine.withdraw(oid)
    expect(engine.shared(oid)).toBeUndefined()
  })

  test('is never offered to peers that may not have it', async () => {
    await using stack = new AsyncDisposableStack()
    const { engine, running } = await begin(stack, { mayShare: Promise.resolve(false) })
    await running.done
    expect(engine.shared(oid)).toBeUndefined()
  })
})
