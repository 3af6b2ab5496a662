import { expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Bitmap } from '../../src/blob/bitmap.ts'
import { parseOid } from '../../src/blob/oid.ts'
import { HUB, PieceBoard } from '../../src/schedule/piece-board.ts'
import { stalledPeers } from '../../src/schedule/stalled-peers.ts'
import { content } from '../transfer/content.ts'
import { MemorySource } from '../transfer/memory-source.ts'
import { MemorySwarm } from '../transfer/memory-swarm.ts'
import { bring, rejection } from '../transfer/transfer-bench.ts'

test('a peer is stalled when none of its connections has brought a byte for too long', () => {
  const oid = parseOid('a'.repeat(64))
  const board = new PieceBoard({ pieceCount: 8, pieceSize: 1000, have: new Bitmap(8), self: 'self', oid })
  board.startLease('dead', 0, 1, 100)
  board.startLease('dead', 1, 2, 900)
  board.startLease('slow', 2, 3, 0)
  board.startLease('slow', 3, 4, 0).movedAt = 4500
  board.startLease(HUB, 4, 5, 0)
  expect(stalledPeers(board, 4899, 4000)).toEqual([])
  expect(stalledPeers(board, 4901, 4000)).toEqual(['dead'])
})

test('what only a stalled peer claims to have is fetched from the hub after a few seconds', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dfhf-stalled-'))
  try {
    const bytes = content(6 * 2 ** 20)
    const swarm = new MemorySwarm([{ id: 'dead', bytes, mischief: () => 'stall' }])
    const hub = new MemorySource(bytes)
    const { path } = await bring(folder, bytes, { hub, swarm, stallMs: 60_000 })
    expect(
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    ).toBe(createHash('sha256').update(bytes).digest('hex'))
    expect(hub.sent).toBe(bytes.length)
    expect(swarm.banned).toEqual([])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}, 20_000)

test('a stalled peer is left alone for a while, and not banned', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dfhf-stalled-'))
  try {
    const bytes = content(6 * 2 ** 20)
    const stop = new AbortController()
    const swarm = new (class extends MemorySwarm {
      override shun(peerId: string): void {
        super.shun(peerId)
        stop.abort()
      }
    })([{ id: 'dead', bytes, mischief: () => 'stall' }])
    const error = await rejection(bring(folder, bytes, { swarm, stallMs: 60_000, signal: stop.signal }))
    expect(error).toMatchObject({ name: 'AbortError' })
    expect(swarm.shunned).toEqual(['dead'])
    expect(swarm.banned).toEqual([])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}, 60_000)
