import { describe, expect, test } from 'bun:test'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Oid } from '../../src/blob/oid.ts'
import { LibraryShelf } from '../../src/peer/library-shelf.ts'
import { PublicRepos } from '../../src/peer/public-repos.ts'
import type { Asker } from '../../src/swarm/server/blob-shelf.ts'
import { type SampleBlob, sampleBlob } from '../storage/sample-blob.ts'
import { openLibrary } from './library-fixture.ts'

const commits = [{ 'a.txt': 'a' }]
const repos = [
  { id: 'org/open', commits },
  { id: 'org/secret', private: true, commits },
  { id: 'org/licensed', gated: 'auto', commits },
] as const

const stranger: Asker = { hasKey: false, address: '10.6.6.6', peer: undefined, place: undefined }
const member: Asker = { ...stranger, hasKey: true, address: '10.0.0.2' }

/** A shelf over a cache that other tools fill, and what it had fetched for want of a blob. */
async function setUp({ holdsHub = false } = {}) {
  await using stack = new AsyncDisposableStack()
  const { library, client, cacheRoot } = stack.use(await openLibrary({ repos }))
  const hubSpeaks = Promise.withResolvers<void>()
  const resolveRevision = client.resolveRevision.bind(client)
  client.resolveRevision = async (...question) => {
    await hubSpeaks.promise
    return await resolveRevision(...question)
  }
  if (!holdsHub) hubSpeaks.resolve()
  const publicRepos = new PublicRepos(client)
  const missing: Oid[] = []
  const { index, engine } = library.parts
  const shelf = new LibraryShelf({
    library,
    hashes: engine.hashes,
    publicRepos,
    onMissing: (oid) => void missing.push(oid),
  })
  if (!holdsHub) for (const { id } of repos) await publicRepos.isPublic({ type: 'model', id })
  const put = async (id: string, { oid, bytes }: SampleBlob) => {
    const blobs = join(cacheRoot, `models--${id.replace('/', '--')}`, 'blobs')
    await mkdir(blobs, { recursive: true })
    await writeFile(join(blobs, oid), bytes)
    await index.look()
  }
  const all = stack.move()
  return { shelf, index, missing, hubSpeaks, put, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

const blob = sampleBlob(100_000)

test('a blob of a public repo is given to every peer', async () => {
  await using node = await setUp()
  await node.put('org/open', blob)
  for (const asker of [stranger, member]) {
    const shared = await node.shelf.find(blob.oid, asker)
    const bytes = await new Response(await shared?.open({ start: 7, end: 90_000 })).bytes()
    expect(Buffer.compare(bytes, blob.bytes.subarray(7, 90_000))).toBe(0)
  }
})

test.each(['org/secret', 'org/licensed', 'org/none'])(
  'a blob of %s is given to holders of the cluster key, and to a stranger as what is not here',
  async (id) => {
    await using node = await setUp()
    await node.put(id, blob)
    expect(await node.shelf.find(blob.oid, stranger)).toBeUndefined()
    expect(node.missing).toEqual([blob.oid])
    expect((await node.shelf.find(blob.oid, member))?.size).toBe(blob.bytes.length)
  },
)

test('a blob that is in a public repo and in a private one is not given to a stranger', async () => {
  await using node = await setUp()
  await node.put('org/open', blob)
  await node.put('org/secret', blob)
  expect(await node.shelf.find(blob.oid, stranger)).toBeUndefined()
})

test('nor is one that turns out to be in a private repo while it is being hashed', async () => {
  await using node = await setUp()
  await node.put('org/open', blob)
  const { index } = node
  const acquireKnown = index.acquireKnown.bind(index)
  index.acquireKnown = async (oid) => {
    const found = await acquireKnown(oid)
    await node.put('org/secret', blob)
    return found
  }
  expect(await node.shelf.find(blob.oid, stranger)).toBeUndefined()
})

test('a stranger is told no until the Hub has said that the repo is public, and then hears of it', async () => {
  await using node = await setUp({ holdsHub: true })
  await node.put('org/open', blob)
  const changed = new Promise<void>((resolve) => node.shelf.onChange(blob.oid, resolve))
  expect(await node.shelf.find(blob.oid, stranger)).toBeUndefined()
  node.hubSpeaks.resolve()
  await changed
  expect((await node.shelf.find(blob.oid, stranger))?.size).toBe(blob.bytes.length)
})

describe('a small blob that is read at once', () => {
  const small = sampleBlob(3_000, 5)
  const upTo = (most: number) => (size: number) => (size <= most ? new Uint8Array(size) : undefined)

  test.each(['org/secret', 'org/licensed', 'org/none'])('is given of %s to members alone', async (id) => {
    await using node = await setUp()
    await node.put(id, small)
    await node.shelf.find(small.oid, member)
    expect(node.shelf.readNow(small.oid, stranger, upTo(2 ** 18))).toBeUndefined()
    expect(node.shelf.readNow(small.oid, member, upTo(2 ** 18))).toEqual(small.bytes)
  })

  test('is one that was hashed as it stands there, and no larger than was asked for', async () => {
    await using node = await setUp()
    await node.put('org/open', small)
    expect(node.shelf.readNow(small.oid, stranger, upTo(2 ** 18))).toBeUndefined()
    await node.shelf.find(small.oid, stranger)
    expect(node.shelf.readNow(small.oid, stranger, upTo(2_999))).toBeUndefined()
    expect(node.shelf.readNow(small.oid, stranger, upTo(3_000))).toEqual(small.bytes)
    await node.put('org/open', { ...small, bytes: sampleBlob(3_000, 6).bytes })
    expect(node.shelf.readNow(small.oid, stranger, upTo(3_000))).toBeUndefined()
  })
})
