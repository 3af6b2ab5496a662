import { expect, setDefaultTimeout, test } from 'bun:test'
import fc from 'fast-check'
import { Bitmap } from '../../src/blob/bitmap.ts'
import { pieceCountOf, pieceRange } from '../../src/blob/pieces.ts'
import type { BlobFile } from '../../src/transfer/writing/blob-file.ts'
import {
  type PieceWriter,
  PieceWriters,
  WriterClosedError,
} from '../../src/transfer/writing/piece-writers.ts'

setDefaultTimeout(60_000)

const SIZE = 3 * 2 ** 20
const PIECES = pieceCountOf(SIZE)
const PART = 2 ** 18

/** A file in memory whose writes and commits are answered whenever the scheduler of a test pleases. */
class SlowFile implements BlobFile {
  readonly size = SIZE
  readonly path = 'memory'
  readonly pieces = new Bitmap(PIECES)
  readonly bytes = new Uint8Array(SIZE)
  writes = 0
  readonly #scheduler: fc.Scheduler

  constructor(scheduler: fc.Scheduler) {
    this.#scheduler = scheduler
  }

  async write(bytes: Uint8Array, offset: number): Promise<void> {
    const copy = bytes.slice()
    await this.#scheduler.schedule(Promise.resolve(), 'the disk takes bytes')
    this.bytes.set(copy, offset)
    this.writes += 1
  }

  async commit(index: number): Promise<void> {
    await this.#scheduler.schedule(Promise.resolve(), 'the journal takes a piece')
    this.pieces.add(index)
  }

  async revoke(index: number): Promise<void> {
    this.pieces.delete(index)
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    return this.bytes.slice(offset, offset + length)
  }

  async findRotten(): Promise<number[]> {
    return []
  }

  async publish(): Promise<string> {
    return this.path
  }

  async discard(): Promise<void> {}
  async close(): Promise<void> {}
  async [Symbol.asyncDispose](): Promise<void> {}
}

/** What one request does with its piece. */
interface Plan {
  readonly piece: number
  /** It gathers its bytes first and takes the piece over, as a second request does. */
  readonly takesOver: boolean
  /** After so many parts it ends without landing; it lands when there are no more than this. */
  readonly parts: number
  readonly keeps: boolean
  /** How many things happen before it begins. */
  readonly after: number
}

const anyPlan: fc.Arbitrary<Plan> = fc.record({
  piece: fc.nat(PIECES - 1),
  takesOver: fc.boolean(),
  parts: fc.integer({ min: 0, max: 6 }),
  keeps: fc.boolean(),
  after: fc.nat(40),
})

/** Carries a plan out; each request has bytes of its own value, so that a piece shows who wrote it. */
async function carryOut(
  plan: Plan,
  value: number,
  writers: PieceWriters,
  { scheduler, landed }: { readonly scheduler: fc.Scheduler; readonly landed: Map<number, number> },
): Promise<void> {
  for (let step = 0; step < plan.after; step += 1)
    await scheduler.schedule(Promise.resolve(), 'a request waits')
  const writer: PieceWriter | undefined = plan.takesOver
    ? await writers.takeOver(plan.piece)
    : writers.claim(plan.piece)
  if (!writer) return
  try {
    for (let part = 0; part < plan.parts && writer.left > 0; part += 1) {
      await scheduler.schedule(Promise.resolve(), 'bytes come')
      await writer.write(new Uint8Array(Math.min(PART, writer.left)).fill(value))
    }
    if (writer.left > 0) return
    await writer.land(async () => {
      await scheduler.schedule(Promise.resolve(), 'the piece is checked')
    })
    expect(landed.has(plan.piece)).toBe(false)
    landed.set(plan.piece, value)
  } catch (error) {
    if (!(error instanceof WriterClosedError)) throw error
  } finally {
    writer.close({ keep: plan.keeps })
  }
}

test('no order of writers, second requests and late bytes changes a piece that has landed, or a file that is checked', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(anyPlan, { minLength: 1, maxLength: 12 }),
      fc.nat(120),
      async (scheduler, plans, steps) => {
        const file = new SlowFile(scheduler)
        const writers = new PieceWriters(file, () => {})
        const landed = new Map<number, number>()
        const requests = plans.map((plan, n) => carryOut(plan, n + 1, writers, { scheduler, landed }))
        let checked: Uint8Array | undefined
        const check = async () => {
          for (let step = 0; step < steps; step += 1)
            await scheduler.schedule(Promise.resolve(), 'time passes')
          await writers.close()
          checked = file.bytes.slice()
        }
        const closing = check()
        await scheduler.waitFor(Promise.all([...requests, closing]))
        for (const [piece, value] of landed) {
          const { start, end } = pieceRange(SIZE, piece)
          expect(file.bytes.subarray(start, end).every((byte) => byte === value)).toBe(true)
        }
        // What was checked is what stands there for good.
        expect(checked && Buffer.compare(file.bytes, checked)).toBe(0)
        expect([...file.pieces].sort()).toEqual([...landed.keys()].sort())
      },
    ),
    { numRuns: 300 },
  )
})
