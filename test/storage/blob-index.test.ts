import { describe, expect, test } from 'bun:test'
import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { createOidHasher } from '../../src/blob/digest.ts'
import { type Oid, parseOid } from '../../src/blob/oid.ts'
import type { Repo } from '../../src/repo/repo.ts'
import { RepoLayout } from '../../src/storage/cache/cache-layout.ts'
import { CacheScan } from '../../src/storage/cache/cache-scan.ts'
import { HfCache } from '../../src/storage/cache/hf-cache.ts'
import { BlobIndex } from '../../src/storage/store/blob-index.ts'
import { BlobStore } from '../../src/storage/store/store.ts'
import { VerifiedFiles } from '../../src/storage/store/verified-files.ts'
import { formatFact, parseFact } from '../../src/storage/store/verified-format.ts'
import { temporaryFolders } from '../support/files/temporary-folder.ts'
import { sampleBlob, writePieces } from './sample-blob.ts'

const temporaryFolder = temporaryFolders()
const repo: Repo = { type: 'model', id: 'org/name' }
const other: Repo = { type: 'dataset', id: 'data' }
const blob = sampleBlob(1_500_000)

/** A cache, a store and an index over both; counts what is hashed. */
async function openIndex(root = temporaryFolder()) {
  const hashed: string[] = []
  const cache = new HfCache(join(root, 'hub'))
  const store = await BlobStore.open(join(root, 'store'), { quota: 1e9 })
  const verified = new VerifiedFiles(join(root, 'state'))
  const warnings: string[] = []
  const index = await BlobIndex.open({
    caches: [cache.root],
    store,
    verified,
    hashFile: async (path, oid, size) => {
      hashed.push(path)
      const hasher = createOidHasher(oid, size)
      hasher.update(readFileSync(path))
      return hasher.digest() === oid
    },
    log: { debug() {}, info() {}, warn: (message) => warnings.push(message) },
    // Only watches and misses tell of changes, so that no test waits.
    lookEveryMs: 2 ** 30,
  })
  return { root, index, cache, store, verified, hashed, warnings }
}

/** Puts a blob into the cache as another tool does. */
function putBlob(cache: HfCache, of = repo, bytes = blob.bytes, oid = blob.oid): string {
  const path = new RepoLayout(cache.root, of).blob(oid)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(`${path}.incomplete`, bytes)
  renameSync(`${path}.incomplete`, path)
  return path
}

async function pathFrom(index: BlobIndex): Promise<string | undefined> {
  using found = await index.acquire(blob.oid)
  return found?.path
}

function nextChange(index: BlobIndex): Promise<Oid> {
  return new Promise((resolve) => {
    const unsubscribe = index.subscribe((oid) => {
      unsubscribe()
      resolve(oid)
    })
  })
}

describe('the blob index', () => {
  test('finds what another tool puts there at any time, and hashes it once', async () => {
    const { index, cache, hashed } = await openIndex()
    await using _ = index
    expect(await pathFrom(index)).toBeUndefined()
    const path = putBlob(cache)
    expect(await pathFrom(index)).toBe(path)
    using found = await index.acquire(blob.oid)
    expect(found).toMatchObject({ oid: blob.oid, path, size: 1_500_000, repos: [repo], heldBy: 'cache' })
    expect(hashed).toEqual([path])
    expect(index.oids()).toEqual(new Set([blob.oid]))
  })

  test('tells of a blob that comes to a folder that it watches', async () => {
    const { index, cache } = await openIndex()
    await using _ = index
    const first = putBlob(cache)
    await index.look()
    const next = nextChange(index)
    const second = sampleBlob(10, 7)
    putBlob(cache, repo, second.bytes, second.oid)
    expect(await next).toBe(second.oid)
    const gone = nextChange(index)
    rmSync(first)
    expect(await gone).toBe(blob.oid)
    expect(index.oids()).toEqual(new Set([second.oid]))
  })

  test('remembers over a restart what was hashed, until the file changes', async () => {
    const first = await openIndex()
    const path = putBlob(first.cache)
    expect(await pathFrom(first.index)).toBe(path)
    await first.index[Symbol.asyncDispose]()
    const second = await openIndex(first.root)
    await using _ = second.index
    expect(await pathFrom(second.index)).toBe(path)
    expect(second.hashed).toEqual([])
    utimesSync(path, 1, 1)
    expect(await pathFrom(second.index)).toBe(path)
    expect(second.hashed).toEqual([path])
  })

  test('does not hash what dfhf wrote, not even when another process did', async () => {
    const { root, index, cache, hashed } = await openIndex()
    await using _ = index
    await using file = await cache.openBlob(repo, blob.oid, blob.bytes.length)
    await writePieces(file, blob)
    const path = await file.publish()
    await new VerifiedFiles(join(root, 'state')).record(path, blob.oid)
    expect(await pathFrom(index)).toBe(path)
    expect(hashed).toEqual([])
  })

  test('never gives a blob that does not hold what its name says, and says so once', async () => {
    const { index, cache, hashed, warnings } = await openIndex()
    await using _ = index
    const path = putBlob(cache, repo, Buffer.from(blob.bytes).fill(0, 0, 9))
    const good = putBlob(cache, other)
    expect(await pathFrom(index)).toBe(good)
    expect(await pathFrom(index)).toBe(good)
    expect(hashed.sort()).toEqual([path, good].sort())
    expect(warnings).toHaveLength(1)
    rmSync(good)
    expect(await pathFrom(index)).toBeUndefined()
  })

  test('knows all repos that a blob belongs to, in caches and store', async () => {
    const { index, cache, store } = await openIndex()
    await using _ = index
    const third: Repo = { type: 'space', id: 'org/app' }
    expect(index.reposOf(blob.oid)).toEqual([])
    putBlob(cache)
    putBlob(cache, other)
    await index.look()
    await using file = await store.openBlob(blob.oid, blob.bytes.length, third)
    await writePieces(file, blob)
    await file.publish()
    await store.addRepo(blob.oid, repo)
    const ids = index.reposOf(blob.oid).map(({ id }) => id)
    expect(ids.sort()).toEqual(['data', 'org/app', 'org/name'])
  })

  test('keeps a blob of the store from going while it is read', async () => {
    const { index, store } = await openIndex()
    await using _ = index
    await using file = await store.openBlob(blob.oid, blob.bytes.length, repo)
    await writePieces(file, blob)
    const told = nextChange(index)
    await file.publish()
    expect(await told).toBe(blob.oid)
    await file.close()
    const found = await index.acquire(blob.oid)
    expect(found).toMatchObject({ heldBy: 'store', repos: [repo] })
    expect(await store.remove(blob.oid)).toBe(false)
    found?.[Symbol.dispose]()
    expect(await store.remove(blob.oid)).toBe(true)
    expect(await pathFrom(index)).toBeUndefined()
  })

  test('reads through a link into the shared store', async () => {
    const { root, index, cache } = await openIndex()
    await using _ = index
    const shared = join(root, 'shared')
    writeFileSync(shared, blob.bytes, { mode: 0o444 })
    const path = new RepoLayout(cache.root, repo).blob(blob.oid)
    mkdirSync(dirname(path), { recursive: true })
    symlinkSync(shared, path)
    expect(await pathFrom(index)).toBe(path)
  })

  test('has two who ask for one blob at once share the hashing', async () => {
    const { index, cache, hashed } = await openIndex()
    await using _ = index
    const path = putBlob(cache)
    expect(await Promise.all([pathFrom(index), pathFrom(index), pathFrom(index)])).toEqual([path, path, path])
    expect(hashed).toEqual([path])
  })
})

describe('the memory of verified files', () => {
  const never = () => Promise.reject(new Error('must not hash'))

  test('does not trust a file that changes while it is hashed', async () => {
    const root = temporaryFolder()
    const path = join(root, 'file')
    writeFileSync(path, blob.bytes)
    const verified = new VerifiedFiles(root)
    const isGood = await verified.verify(path, blob.oid, async () => {
      appendFileSync(path, 'more')
      return true
    })
    expect(isGood).toBe(false)
    expect(await verified.check(path, blob.oid)).toBeUndefined()
  })

  test('is not moved by torn or foreign lines in its file', async () => {
    const root = temporaryFolder()
    const path = join(root, 'file')
    writeFileSync(path, blob.bytes)
    await new VerifiedFiles(root).record(path, blob.oid)
    const state = join(root, 'verified-blobs.jsonl')
    appendFileSync(state, '["torn\n{}\nnull\n[1,2,3,4,5,6]\n["half a li')
    const again = new VerifiedFiles(root)
    expect(await again.verify(path, blob.oid, never)).toBe(true)
    expect(await again.check(path, parseOid('f'.repeat(64)))).toBeUndefined()
  })

  test('may be left to its file alone', async () => {
    const root = temporaryFolder()
    const path = join(root, 'file')
    writeFileSync(path, blob.bytes)
    const noting = new VerifiedFiles(root)
    await noting.note([{ path, oid: blob.oid }])
    expect([...noting.facts()]).toEqual([])
    expect(await new VerifiedFiles(root).verify(path, blob.oid, never)).toBe(true)
    expect(await noting.verify(path, blob.oid, never)).toBe(true)
  })

  test('goes on without a folder for its state', async () => {
    const root = temporaryFolder()
    const path = join(root, 'file')
    writeFileSync(path, blob.bytes)
    const verified = new VerifiedFiles(join(path, 'not', 'a', 'folder'))
    await verified.record(path, blob.oid)
    expect(await verified.check(path, blob.oid)).toBe(true)
  })

  test('drops what is gone when its file has grown', async () => {
    const root = temporaryFolder()
    const path = join(root, 'file')
    writeFileSync(path, blob.bytes)
    await new VerifiedFiles(root).record(path, blob.oid)
    const state = join(root, 'verified-blobs.jsonl')
    const fact = parseFact(readFileSync(state, 'utf8'))
    if (fact === undefined) throw new Error('no fact')
    const lines = Array.from({ length: 10_001 }, (_, n) => formatFact({ ...fact, path: `${root}/gone-${n}` }))
    appendFileSync(state, lines.join(''))
    const verified = new VerifiedFiles(root)
    expect(await verified.verify(path, blob.oid, never)).toBe(true)
    expect(readFileSync(state, 'utf8')).toBe(formatFact(fact))
    expect(statSync(state).size).toBeLessThan(1000)
  })

  test('writes facts that it reads back', () => {
    const fact = fc.record({
      oid: fc.stringMatching(/^[0-9a-f]{64}$/).map(parseOid),
      isGood: fc.boolean(),
      size: fc.maxSafeNat(),
      mtime: fc.bigInt({ min: 0n, max: 2n ** 63n }).map(String),
      ctime: fc.bigInt({ min: 0n, max: 2n ** 63n }).map(String),
      checkedAtMs: fc.maxSafeNat(),
      inode: fc.bigInt({ min: 0n, max: 2n ** 64n }).map(String),
      path: fc.string({ unit: 'grapheme' }),
    })
    fc.assert(
      fc.property(fact, (value) => {
        expect(formatFact(value).indexOf('\n')).toBe(formatFact(value).length - 1)
        expect(parseFact(formatFact(value))).toEqual(value)
      }),
    )
  })
})

describe('a look at a cache', () => {
  test('tells what came and what left, and nothing when nothing changed', async () => {
    const cache = new HfCache(temporaryFolder())
    const scan = new CacheScan(cache.root)
    expect(await scan.look()).toEqual([])
    const path = putBlob(cache)
    expect(await scan.look()).toEqual([{ repo, oid: blob.oid, path, isThere: true }])
    expect(await scan.look()).toEqual([])
    const second = putBlob(cache, repo, blob.bytes, parseOid('e'.repeat(40)))
    rmSync(path)
    expect(await scan.look()).toEqual([
      { repo, oid: blob.oid, path, isThere: false },
      { repo, oid: parseOid('e'.repeat(40)), path: second, isThere: true },
    ])
    rmSync(cache.layout(repo).folder, { recursive: true })
    expect(await scan.look()).toMatchObject([{ path: second, isThere: false }])
    expect([...scan.blobFolders]).toEqual([])
    expect(await new CacheScan(join(cache.root, 'nowhere')).look()).toEqual([])
  })

  test('sees a change that left the time of the folder as it was a moment ago', async () => {
    const cache = new HfCache(temporaryFolder())
    const folder = dirname(putBlob(cache))
    const scan = new CacheScan(cache.root)
    const now = Date.now() / 1000
    utimesSync(folder, now, now)
    expect(await scan.look()).toHaveLength(1)
    putBlob(cache, repo, blob.bytes, parseOid('e'.repeat(40)))
    utimesSync(folder, now, now)
    expect(await scan.look()).toHaveLength(1)
  })
})
