import { describe, expect, test } from 'bun:test'
import { execFileSync } from 'node:child_process'
import { existsSync, linkSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { parseOid } from '../../src/blob/oid.ts'
import type { Repo } from '../../src/repo/repo.ts'
import { chooseVictims, type EvictionCandidate } from '../../src/storage/store/eviction.ts'
import { BlobStore } from '../../src/storage/store/store.ts'
import type { BlobStoreOptions } from '../../src/storage/store/store-options.ts'
import { canMountSmallDisk, smallDisks } from '../support/files/small-disk.ts'
import { temporaryFolders } from '../support/files/temporary-folder.ts'
import { type SampleBlob, sampleBlob, writePieces } from './sample-blob.ts'

const MIB = 2 ** 20
const temporaryFolder = temporaryFolders()
const repo: Repo = { type: 'model', id: 'org/name' }
const other: Repo = { type: 'dataset', id: 'data' }
const [a, b, c] = [sampleBlob(MIB, 1), sampleBlob(MIB, 2), sampleBlob(MIB, 3)] as const

/** A store whose clock goes on by a minute with each look at it. */
function openStore(root: string, options: Partial<BlobStoreOptions> = {}): Promise<BlobStore> {
  let minutes = 0
  const now = () => {
    minutes += 1
    return Date.UTC(2030, 0, 1, 0, minutes)
  }
  return BlobStore.open(root, { quota: 3.5 * MIB, now, ...options })
}

async function bring(store: BlobStore, blob: SampleBlob, of = repo): Promise<string> {
  await using file = await store.openBlob(blob.oid, blob.bytes.length, of)
  await writePieces(file, blob)
  return await file.publish()
}

/** Where the blob stands, which counts as a use of it. */
async function find(store: BlobStore, blob: SampleBlob): Promise<string | undefined> {
  using lease = await store.acquire(blob.oid)
  return lease?.path
}

function oidsOf(store: BlobStore): string[] {
  return [...store.list()].map(({ oid }) => oid).sort()
}

describe('the store', () => {
  test('keeps a blob in a folder of its first two digits, with the repos it belongs to', async () => {
    const root = join(temporaryFolder(), 'store')
    const store = await openStore(root)
    const path = await bring(store, a)
    await store.addRepo(a.oid, other)
    await store.addRepo(a.oid, other)
    expect(path).toBe(join(root, a.oid.slice(0, 2), a.oid))
    expect(await find(store, a)).toBe(path)
    expect(await find(store, b)).toBeUndefined()
    expect(store.usedSize).toBe(MIB)
    using lease = await store.acquire(a.oid)
    expect(lease).toMatchObject({ path, size: MIB, repos: [repo, other] })
  })

  test('finds after a restart what it had, and which repos it was of', async () => {
    const root = temporaryFolder()
    await bring(await openStore(root), a)
    const store = await openStore(root)
    expect([...store.list()]).toMatchObject([{ oid: a.oid, size: MIB, repos: [repo] }])
    expect(store.usedSize).toBe(MIB)
  })

  test('lets the least recently used blob go when the quota asks for it', async () => {
    const store = await openStore(temporaryFolder())
    const gone: string[] = []
    for (const blob of [a, b, c]) await bring(store, blob)
    await find(store, a)
    store.subscribe((oid) => gone.push(oid))
    const last = sampleBlob(MIB, 4)
    const path = await bring(store, last)
    expect(oidsOf(store)).toEqual([a.oid, c.oid, last.oid].sort())
    expect(readFileSync(path).equals(last.bytes)).toBe(true)
    expect(gone).toEqual([b.oid, last.oid])
    expect(existsSync(store.pathOf(b.oid))).toBe(false)
    expect(store.usedSize).toBe(3 * MIB)
  })

  test('remembers over a restart when a blob was last used', async () => {
    const root = temporaryFolder()
    const before = await openStore(root)
    for (const blob of [a, b, c]) await bring(before, blob)
    await find(before, b)
    await find(before, a)
    const store = await openStore(root, { quota: 2.5 * MIB })
    const small = sampleBlob(1, 4)
    await bring(store, small)
    expect(oidsOf(store)).toEqual([a.oid, b.oid, small.oid].sort())
  })

  test('never lets a blob go that is being read', async () => {
    const store = await openStore(temporaryFolder(), { quota: 2.5 * MIB })
    await bring(store, a)
    await bring(store, b)
    const pins = [await store.acquire(a.oid), await store.acquire(a.oid), await store.acquire(b.oid)]
    await expect(store.openBlob(c.oid, MIB, repo)).rejects.toMatchObject({ code: 'disk-full' })
    expect(await store.remove(a.oid)).toBe(false)
    pins[0]?.[Symbol.dispose]()
    pins[0]?.[Symbol.dispose]()
    await expect(store.openBlob(c.oid, MIB, repo)).rejects.toMatchObject({ code: 'disk-full' })
    pins[1]?.[Symbol.dispose]()
    await bring(store, c)
    expect(oidsOf(store)).toEqual([b.oid, c.oid].sort())
  })

  test('never lets a blob go that it was told to keep', async () => {
    const store = await openStore(join(temporaryFolder(), 'store'), { quota: 2 * MIB })
    for (const blob of [a, b]) await bring(store, blob)
    store.keep(new Set([a.oid]))
    await bring(store, c)
    expect(oidsOf(store)).toEqual([a.oid, c.oid].sort())
    store.keep(new Set())
    await find(store, c)
    await bring(store, b)
    expect(oidsOf(store)).toEqual([b.oid, c.oid].sort())
  })

  test('removes at its start what no run can go on with', async () => {
    const root = join(temporaryFolder(), 'store')
    const path = await bring(await openStore(root), a)
    const stem = path.slice(0, -a.oid.length) + b.oid.replace(/^../, a.oid.slice(0, 2))
    const old = [`${path}.repos.0123abcd.tmp`, `${stem}.dfhf-journal.incomplete`]
    const lost = [`${stem}.0123abcd.dfhf.incomplete`, `${stem}.repos`]
    for (const each of [...old, ...lost]) writeFileSync(each, 'x')
    for (const each of old) utimesSync(each, 1, 1)
    const young = `${path}.repos.4567cdef.tmp`
    writeFileSync(young, 'x')
    expect(oidsOf(await openStore(root))).toEqual([a.oid])
    expect([...old, ...lost, young].map((each) => existsSync(each))).toEqual([
      false,
      false,
      false,
      false,
      true,
    ])
  })

  test('counts blobs being written in full, so that many at once keep the quota', async () => {
    const store = await openStore(temporaryFolder(), { quota: 2.5 * MIB })
    const opened = await Promise.allSettled([a, b, c].map((blob) => store.openBlob(blob.oid, MIB, repo)))
    expect(opened.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    for (const result of opened) if (result.status === 'fulfilled') await result.value.close()
    expect(store.usedSize).toBe(0)
    await bring(store, c)
  })

  test('refuses a blob that is larger than all of it, and keeps what it has', async () => {
    const store = await openStore(temporaryFolder())
    await bring(store, a)
    const refusal = store.openBlob(b.oid, 4 * MIB, repo)
    await expect(refusal).rejects.toMatchObject({ code: 'disk-full' })
  })

  test('resumes what was left unfinished, or lets it go before any whole blob', async () => {
    const root = temporaryFolder()
    const big = sampleBlob(2 * MIB + 1, 9)
    const first = await openStore(root)
    await bring(first, a)
    const unfinished = await first.openBlob(big.oid, big.bytes.length, repo)
    await writePieces(unfinished, big, [1])
    await unfinished.close()
    const size = first.usedSize
    expect(size).toBeGreaterThanOrEqual(2 * MIB)
    const second = await openStore(root)
    expect(second.usedSize).toBe(size)
    const resumed = await second.openBlob(big.oid, big.bytes.length, other)
    expect([...resumed.pieces]).toEqual([1])
    await resumed.close()
    await bring(second, b)
    await bring(second, c)
    expect(oidsOf(second)).toEqual([a.oid, b.oid, c.oid].sort())
    expect(readdirSync(join(root, big.oid.slice(0, 2)))).toEqual([`${big.oid}.repos`])
    await openStore(root)
    expect(readdirSync(join(root, big.oid.slice(0, 2)))).toEqual([])
  })

  test('forgets a blob that another process removed', async () => {
    const store = await openStore(temporaryFolder())
    rmSync(await bring(store, a))
    expect(await store.acquire(a.oid)).toBeUndefined()
    expect(store.usedSize).toBe(0)
  })

  test('lets be what it did not put there', async () => {
    const root = temporaryFolder()
    writeFileSync(join(root, 'notes.txt'), 'mine')
    const store = await openStore(root)
    await bring(store, a)
    writeFileSync(join(root, a.oid.slice(0, 2), 'f'.repeat(40)), 'in a folder of another name')
    expect(oidsOf(await openStore(root))).toEqual([a.oid])
    expect(readFileSync(join(root, 'notes.txt'), 'utf8')).toBe('mine')
  })
})

describe.skipIf(!canMountSmallDisk)('the store on a small disk', () => {
  const smallDisk = smallDisks()

  test('keeps the free space that it was told to keep, but a blob with a second name frees none', async () => {
    const mount = smallDisk('8m')
    const store = await openStore(join(mount, 'store'), { quota: 100 * MIB, freeSpaceFloor: 5.5 * MIB })
    linkSync(await bring(store, a), join(mount, 'cached'))
    await bring(store, b)
    await bring(store, c)
    expect(oidsOf(store)).toEqual([a.oid, c.oid].sort())
  })

  test('keeps a share of the disk free, where that is more than the bytes that it was told to', async () => {
    const mount = smallDisk('8m')
    const floors = { freeSpaceFloor: MIB, freeShareFloor: 5.5 / 8 }
    const store = await openStore(join(mount, 'store'), { quota: 100 * MIB, ...floors })
    for (const blob of [a, b, c]) await bring(store, blob)
    expect(oidsOf(store)).toEqual([b.oid, c.oid].sort())
    const large = await openStore(join(mount, 'large'), { quota: 100 * MIB, freeSpaceFloor: 7 * MIB })
    await expect(large.openBlob(a.oid, 2 * MIB, repo)).rejects.toMatchObject({ code: 'disk-full' })
  })

  test('says what is short when nothing can go', async () => {
    const mount = smallDisk('8m')
    execFileSync('dd', ['if=/dev/zero', `of=${mount}/filler`, 'bs=1M', 'count=5'], { stdio: 'ignore' })
    const store = await openStore(join(mount, 'store'), { quota: 100 * MIB, freeSpaceFloor: 4 * MIB })
    const failure = await store.openBlob(a.oid, MIB, repo).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'disk-full' })
    expect(String(failure)).toContain('more must be free on its disk')
  })
})

test('only blobs that help are chosen to go, oldest first, and no more of them than needed', () => {
  const candidate = fc.record({ size: fc.nat(100), usedAtMs: fc.nat(1000), isShared: fc.boolean() })
  const excess = fc.record({ overQuota: fc.integer({ max: 500 }), underFloor: fc.integer({ max: 500 }) })
  fc.assert(
    fc.property(fc.array(candidate, { maxLength: 12 }), excess, (list, excess) => {
      const candidates: EvictionCandidate[] = list.map((entry, index) => ({
        ...entry,
        oid: parseOid(index.toString(16).padStart(40, '0')),
      }))
      const victims = chooseVictims(candidates, excess)
      const isEnough = (chosen: readonly EvictionCandidate[]) =>
        chosen.reduce((sum, { size }) => sum + size, 0) >= excess.overQuota &&
        chosen.reduce((sum, { size, isShared }) => sum + (isShared ? 0 : size), 0) >= excess.underFloor
      expect(new Set(victims).size).toBe(victims.length)
      if (isEnough(candidates)) expect(isEnough(victims)).toBe(true)
      if (victims.length > 0) expect(isEnough(victims.slice(0, -1))).toBe(false)
      const times = victims.map(({ usedAtMs }) => usedAtMs)
      expect(times).toEqual([...times].sort((x, y) => x - y))
    }),
  )
})
