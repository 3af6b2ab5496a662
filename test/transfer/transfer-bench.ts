import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { parseOid } from '../../src/blob/oid.ts'
import { HashService } from '../../src/hash/hash-service.ts'
import { openPartialBlob, type PartialBlobOptions } from '../../src/storage/partial/partial-blob.ts'
import { BlobTransfer } from '../../src/transfer/blob-transfer.ts'
import { HubBudget } from '../../src/transfer/hub/hub-budget.ts'
import { RateLimiter } from '../../src/transfer/rate-limiter.ts'
import type { TransferCost, TransferParts } from '../../src/transfer/transfer-parts.ts'

const hashes = new HashService()

/** What one test transfer may have of its own. */
export type BenchOptions = Partial<Omit<TransferParts, 'oid'>> & {
  readonly signal?: AbortSignal
  /** Called with the transfer before it runs. */
  readonly before?: (transfer: BlobTransfer) => Promise<void>
  readonly oid?: string
  /** How its file is opened. */
  readonly opening?: Pick<PartialBlobOptions, 'mending' | 'sums'>
}

/** Brings `bytes` into `folder` by the real engine, into a real file, and publishes it. */
export async function bring(
  folder: string,
  bytes: Uint8Array,
  options: BenchOptions,
): Promise<TransferCost & { readonly path: string }> {
  const oid = parseOid(options.oid ?? createHash('sha256').update(bytes).digest('hex'))
  const { signal = new AbortController().signal, before, opening, ...parts } = options
  const finalPath = join(folder, oid)
  await using file = await openPartialBlob({ folder, oid, size: bytes.length, finalPath, ...opening })
  const job = new BlobTransfer({
    size: bytes.length,
    file,
    budget: new HubBudget({ max: 8 }),
    hashes,
    limiter: new RateLimiter(0),
    stallMs: 10_000,
    id: 1,
    report: () => {},
    random: () => 0,
    ...parts,
    oid,
  })
  await before?.(job)
  const cost = await job.run(signal)
  return { ...cost, path: await file.publish() }
}

/** What a promise that must fail fails with. */
export async function rejection(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => {
      throw new Error('it should have failed')
    },
    (error: unknown) => error,
  )
}
