import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseOid } from '../../src/blob/oid.ts'
import { pieceCountOf, pieceSizeOf } from '../../src/blob/pieces.ts'
import { HashService } from '../../src/hash/hash-service.ts'
import { type Lease, PieceBoard } from '../../src/schedule/piece-board.ts'
import { openPartialBlob } from '../../src/storage/partial/partial-blob.ts'
import { type Landing, LeaseRunner } from '../../src/transfer/lease-runner.ts'
import { RateLimiter } from '../../src/transfer/rate-limiter.ts'
import { TransferSources } from '../../src/transfer/transfer-sources.ts'
import { PieceWriters } from '../../src/transfer/writing/piece-writers.ts'
import type { MemorySource } from './memory-source.ts'
import type { MemorySwarm } from './memory-swarm.ts'

const hashes = new HashService()

/** One thing that a runner told, in a form that reads well in a list. */
export type Told =
  | readonly ['landed', number, Landing]
  | readonly ['lost', string, number]
  | readonly ['failed', unknown]
  | readonly ['ended']

/** A runner over a real file, which keeps what it tells; it moves the board on as the scheduler would. */
export async function leaseBench(
  folder: string,
  bytes: Uint8Array,
  sources: { readonly hub?: MemorySource; readonly swarm?: MemorySwarm },
) {
  const oid = parseOid(createHash('sha256').update(bytes).digest('hex'))
  const { length: size } = bytes
  const file = await openPartialBlob({ folder, oid, size, finalPath: join(folder, oid) })
  const pieceCount = pieceCountOf(size)
  const have = file.pieces
  const board = new PieceBoard({ pieceCount, pieceSize: pieceSizeOf(size), have, self: 'self', oid })
  const told: Told[] = []
  const stop = new AbortController()
  const writers = new PieceWriters(file, (length) => told.push(['lost', 'prefix', length]))
  let connections = 0
  const waiting = new Map<Lease, () => void>()
  let hasRanges = true
  let onMoved: (lease: Lease) => void = () => {}
  const runner = new LeaseRunner({
    board,
    file,
    writers,
    sources: new TransferSources(sources),
    seat: {
      acquire() {
        connections += 1
        return () => {
          connections -= 1
        }
      },
    },
    limiter: new RateLimiter(0),
    hashes,
    now: () => performance.now(),
    hubGivesRanges: () => hasRanges,
    stop: stop.signal,
    listener: {
      moved(lease, count) {
        lease.bytes += count
        onMoved(lease)
      },
      lost: (source, count) => count > 0 && told.push(['lost', source, count]),
      landed(lease, landing) {
        told.push(['landed', lease.at, landing])
        board.landPiece(lease)
      },
      failed: (_, error) => told.push(['failed', error]),
      ended(lease) {
        told.push(['ended'])
        board.endLease(lease)
        waiting.get(lease)?.()
      },
    },
  })
  return {
    runner,
    board,
    writers,
    told,
    stop,
    connections: () => connections,
    /** Has `work` called after each part of a lease that came. */
    onMoved: (work: (lease: Lease) => void) => {
      onMoved = work
    },
    giveNoRanges: () => {
      hasRanges = false
    },
    begin: (source: string, start: number, end: number) => board.startLease(source, start, end, 0),
    /** Runs a lease and resolves once it has ended. */
    async run(lease: Lease): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.set(lease, resolve)
      runner.start(lease)
      await promise
    },
    /** What stands in the file of a piece. */
    piece: async (piece: number) =>
      (await readFile(file.path)).subarray(piece * board.pieceSize, (piece + 1) * board.pieceSize),
    async [Symbol.asyncDispose]() {
      stop.abort()
      await runner.settle()
      await writers.close()
      await file.close()
    },
  }
}
