import { expect, test } from 'bun:test'
import { Bitmap } from '../../src/blob/bitmap.ts'
import { parseOid } from '../../src/blob/oid.ts'
import { PieceBoard } from '../../src/schedule/piece-board.ts'
import { Scheduler } from '../../src/schedule/scheduler.ts'
import { SwarmFollower } from '../../src/transfer/swarm-follower.ts'
import { content } from './content.ts'
import { MemorySwarm } from './memory-swarm.ts'

const MiB = 2 ** 20

/** A follower of a swarm with these peers, and what it does. */
function follow(ids: readonly string[]) {
  const oid = parseOid('a'.repeat(64))
  const board = new PieceBoard({ pieceCount: 8, pieceSize: MiB, have: new Bitmap(8), self: 'self', oid })
  const bytes = content(8 * MiB)
  const swarm = new MemorySwarm(ids.map((id) => ({ id, bytes })))
  const cuts: string[] = []
  const news = Promise.withResolvers<void>()
  let newsCount = 0
  const follower = new SwarmFollower({
    swarm,
    scheduler: new Scheduler(board),
    now: () => 5,
    cutSource: (id) => cuts.push(id),
    onNews: () => {
      newsCount += 1
      news.resolve()
    },
  })
  const stop = new AbortController()
  follower.start(stop.signal)
  return { board, swarm, follower, cuts, news: news.promise, newsCount: () => newsCount, stop }
}

test('what peers say stands on the board at once, and asks for one decision for all of them', async () => {
  const { board, news, newsCount, stop } = follow(['a', 'b'])
  expect([...board.peers.keys()]).toEqual(['a', 'b'])
  expect(board.availability(7)).toBe(2)
  expect(newsCount()).toBe(0)
  await news
  expect(newsCount()).toBe(1)
  stop.abort()
})

test('a peer that leaves has its requests cut and its pieces forgotten', () => {
  const { board, swarm, cuts, stop } = follow(['a', 'b'])
  swarm.ban('a')
  expect(cuts).toEqual(['a'])
  expect([...board.peers.keys()]).toEqual(['b'])
  expect(board.availability(7)).toBe(1)
  stop.abort()
})

test('a peer that was excluded is not taken in again', () => {
  const { board, follower, cuts, stop } = follow(['a', 'b'])
  follower.exclude('a')
  follower.peerJoined({ id: 'a', asksHub: true })
  follower.peerHas('a', [1])
  expect(cuts).toEqual(['a'])
  expect([...board.peers.keys()]).toEqual(['b'])
  stop.abort()
})

test('a process begins at a place of its own, and goes on from the beginning of the blob', async () => {
  const { board, stop } = follow([])
  const ownStart = board.head
  stop.abort()
  await new Promise<void>((resolve) => setImmediate(resolve))
  expect(ownStart).toBeGreaterThan(0)
  expect(board.head).toBe(0)
})

test('a reader that has moved the head keeps it there', async () => {
  const { board, stop } = follow([])
  board.head = 3
  stop.abort()
  await new Promise<void>((resolve) => setImmediate(resolve))
  expect(board.head).toBe(3)
})
