import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { readWhileFetching } from '../../src/peer/blob-reader.ts'
import type { SharedFetch } from '../../src/peer/shared-fetch.ts'
import type { RepoSpec } from '../support/hub/repo.ts'
import { rejection } from '../transfer/transfer-bench.ts'
import { openLibrary } from './library-fixture.ts'

const MiB = 2 ** 20
const never = new AbortController().signal
const repos: RepoSpec[] = [
  {
    id: 'org/data',
    commits: [{ 'big.bin': { seed: 'seven', size: 24 * MiB, lfs: true }, 'a.json': '{"a":1}' }],
  },
]

async function read(fetch: SharedFetch, start: number, end: number, signal = never): Promise<Buffer> {
  const copies = await Array.fromAsync(readWhileFetching(fetch, { start, end }, signal), (chunk) =>
    Buffer.from(chunk),
  )
  return Buffer.concat(copies)
}

describe('a library that fetches on demand', () => {
  test('gives a reader the whole blob while it arrives, checked, and keeps it', async () => {
    await using fixture = await openLibrary({ repos })
    const { library, hub } = fixture
    const blob = await fixture.locate('big.bin')
    const fetch = await library.join(blob, fixture.sourceOf(blob))
    const bytes = await read(fetch, 0, blob.size)
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(blob.oid)
    await fetch.done
    using stored = await library.acquire(blob.oid)
    expect(stored?.heldBy).toBe('store')
    expect(hub.stats().oids[blob.oid]?.bodyBytes).toBe(blob.size)
  })

  test('serves many readers at different places by one fetch', async () => {
    await using fixture = await openLibrary({ repos })
    const blob = await fixture.locate('big.bin')
    const fetches = await Promise.all(
      Array.from({ length: 8 }, () => fixture.library.join(blob, fixture.sourceOf(blob))),
    )
    const [whole, ...parts] = await Promise.all(
      fetches.map((fetch, reader) =>
        reader === 0 ? read(fetch, 0, blob.size) : read(fetch, reader * MiB, 3 * reader * MiB),
      ),
    )
    parts.forEach((part, at) => {
      const reader = at + 1
      expect(Buffer.compare(part, whole?.subarray(reader * MiB, 3 * reader * MiB) ?? Buffer.alloc(0))).toBe(0)
    })
    // A range that another connection took over may have bytes under way that this process does not read.
    expect(fixture.hub.stats().oids[blob.oid]?.bodyBytes).toBeLessThan(1.25 * blob.size)
  })

  test('stops the fetch when the last reader has left, and goes on from there for the next', async () => {
    await using fixture = await openLibrary({ repos, rates: { cdn: 20 * MiB } })
    const { library, hub } = fixture
    const blob = await fixture.locate('big.bin')
    const first = await library.join(blob, fixture.sourceOf(blob))
    await read(first, 0, 4 * MiB)
    first.leave()
    expect(await rejection(first.done)).toMatchObject({ name: 'AbortError' })
    hub.faults.setRates({})
    await library.fetch(blob, fixture.sourceOf(blob), never)
    // What was under way when the first reader left is all that comes twice.
    expect(hub.stats().oids[blob.oid]?.bodyBytes).toBeLessThan(1.6 * blob.size)
    using stored = await library.acquire(blob.oid)
    expect(stored?.size).toBe(blob.size)
  })

  test('never completes an answer of wrong bytes, and keeps none of them', async () => {
    await using fixture = await openLibrary({ repos })
    const blob = await fixture.locate('big.bin')
    const fault = fixture.hub.addFault({ match: { side: 'cdn' }, flip: [3 * MiB] })
    const fetch = await fixture.library.join(blob, fixture.sourceOf(blob))
    expect(await rejection(read(fetch, 0, blob.size))).toMatchObject({ code: 'verification-failed' })
    expect(await fixture.library.acquire(blob.oid)).toBeUndefined()
    // Nothing of the wrong bytes is what a later fetch begins with.
    fault.remove()
    fixture.hub.resetStats()
    await fixture.library.fetch(blob, fixture.sourceOf(blob), never)
    expect(fixture.hub.stats().oids[blob.oid]?.bodyBytes).toBe(blob.size)
  })

  test('fetches a small regular file and checks it by its git id', async () => {
    await using fixture = await openLibrary({ repos })
    const blob = await fixture.locate('a.json')
    const fetch = await fixture.library.join(blob, fixture.sourceOf(blob))
    expect((await read(fetch, 0, blob.size)).toString()).toBe('{"a":1}')
  })
})
