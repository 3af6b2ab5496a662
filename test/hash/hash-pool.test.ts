import { describe, expect, test } from 'bun:test'
import { HashPool } from '../../src/hash/hash-pool.ts'
import { eventually } from '../support/gateway/eventually.ts'

const address = new URL('../../src/hash/hash-worker.ts', import.meta.url).href
const much = { left: 2 ** 30 }

function openPool(options: { readonly mostThreads?: number; readonly restMs?: number } = {}): HashPool {
  return new HashPool({ address, ...options })
}

describe('the pool of hash threads', () => {
  test('starts none without need', () => {
    using pool = openPool()
    expect(pool.size).toBe(0)
  })

  test('hashes one blob and the pieces of all on one thread', () => {
    using pool = openPool({ mostThreads: 4 })
    const thread = pool.threadForBlob()
    thread.works.add(much)
    expect(pool.threadForPiece()).toBe(thread)
    expect(pool.size).toBe(1)
  })

  test('gives a blob a thread of its own while the others have much to do, and shares them when there are no more', () => {
    using pool = openPool({ mostThreads: 2 })
    const first = pool.threadForBlob()
    first.works.add({ left: 3 * 2 ** 30 })
    const second = pool.threadForBlob()
    expect(second).not.toBe(first)
    second.works.add(much)
    const third = pool.threadForBlob()
    expect(third).toBe(second)
    expect(pool.size).toBe(2)
  })

  test('puts blobs that are soon hashed on one thread', () => {
    using pool = openPool({ mostThreads: 2 })
    const first = pool.threadForBlob()
    first.works.add({ left: 2 ** 22 })
    expect(pool.threadForBlob()).toBe(first)
  })

  test('prefers the thread that has least left to do, not the one with the fewest blobs', () => {
    using pool = openPool({ mostThreads: 2 })
    const first = pool.threadForBlob()
    const work = { left: 2 ** 30 }
    first.works.add(work)
    const second = pool.threadForBlob()
    second.works.add({ left: 2 ** 28 })
    work.left = 2 ** 20
    expect(pool.threadForBlob()).toBe(first)
  })

  test('ends threads that have nothing to do, and keeps those that follow a blob', async () => {
    using pool = openPool({ mostThreads: 2, restMs: 10 })
    const busy = pool.threadForBlob()
    busy.works.add(much)
    const idle = pool.threadForBlob()
    await eventually(async () => idle.hasEnded, Boolean)
    expect(busy.hasEnded).toBe(false)
    expect(pool.size).toBe(1)
    busy.works.delete(much)
    await eventually(
      async () => pool.size,
      (size) => size === 0,
    )
    expect(pool.threadForBlob().hasEnded).toBe(false)
  })

  test('replaces a thread that ended', () => {
    using pool = openPool()
    const thread = pool.threadForBlob()
    thread.end('the kernel killed it')
    expect(pool.threadForPiece()).not.toBe(thread)
    expect(pool.size).toBe(1)
  })
})
