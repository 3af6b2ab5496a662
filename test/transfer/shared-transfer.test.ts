import { expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pieceDigest } from '../../src/blob/digest.ts'
import { parseOid } from '../../src/blob/oid.ts'
import { HashService } from '../../src/hash/hash-service.ts'
import { openPartialBlob } from '../../src/storage/partial/partial-blob.ts'
import { BlobTransfer } from '../../src/transfer/blob-transfer.ts'
import { HubBudget } from '../../src/transfer/hub/hub-budget.ts'
import { RateLimiter } from '../../src/transfer/rate-limiter.ts'
import { SharedTransfer } from '../../src/transfer/shared-transfer.ts'
import { content, flipped } from './content.ts'
import { MemorySource } from './memory-source.ts'
import { type MemoryPeer, MemorySwarm } from './memory-swarm.ts'

const MiB = 2 ** 20
const bytes = content(12 * MiB)
const oid = parseOid(createHash('sha256').update(bytes).digest('hex'))

/** Brings the blob with peers while `watchers` listen, and returns the digests that they have seen in the end. */
async function digestsSeen(peers: readonly MemoryPeer[], watchers: number): Promise<Map<number, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'dfhf-shared-'))
  using hashes = new HashService()
  try {
    await using file = await openPartialBlob({
      folder,
      oid,
      size: bytes.length,
      finalPath: join(folder, oid),
    })
    const transfer = new BlobTransfer({
      oid,
      size: bytes.length,
      file,
      hub: new MemorySource(bytes),
      swarm: new MemorySwarm(peers),
      budget: new HubBudget({ max: 4 }),
      hashes,
      limiter: new RateLimiter(0),
      stallMs: 10_000,
      id: 1,
      report: () => {},
    })
    const shared = new SharedTransfer(transfer)
    const complete = new Promise<void>((resolve) => {
      for (let n = 0; n < watchers; n += 1)
        shared.subscribe(() => {
          if (transfer.pieces.isFull && shared.digests.size === transfer.pieces.size) resolve()
        })
    })
    await transfer.run(new AbortController().signal)
    await complete
    return new Map(shared.digests)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const right = Array.from({ length: 12 }, (_, piece) => [
  piece,
  pieceDigest(bytes.subarray(piece * MiB, (piece + 1) * MiB)),
])

test('tells the digest of each piece to all who watch', async () => {
  const seen = await digestsSeen([{ id: 'honest', bytes, claims: 'of its bytes' }], 3)
  expect([...seen].sort(([a], [b]) => a - b)).toEqual(right as [number, string][])
})

test('takes back the digests of bytes that turned out to be wrong, or it would pass for a liar itself', async () => {
  const everywhere = Array.from({ length: 12 }, (_, piece) => piece * MiB + 7)
  const liar: MemoryPeer = { id: 'liar', bytes: flipped(bytes, ...everywhere), claims: 'of its bytes' }
  const seen = await digestsSeen([liar], 1)
  expect([...seen].sort(([a], [b]) => a - b)).toEqual(right as [number, string][])
})
