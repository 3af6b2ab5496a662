import { describe, expect, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DfhfError } from '../../src/base/errors.ts'
import type { Oid } from '../../src/blob/oid.ts'
import type { DescribedFile } from '../../src/repo/file-ref.ts'
import type { OriginSource } from '../../src/repo/origin.ts'
import type { FetchParts } from '../../src/repo-download/repo-fetcher.ts'
import type { SwarmBlob } from '../../src/swarm/client/swarm-session.ts'
import { temporaryFolders } from '../support/files/temporary-folder.ts'
import { thrownBy } from '../support/http/thrown-by.ts'
import { MemorySwarm } from '../transfer/memory-swarm.ts'
import { openCache, openLocalDir } from './destinations.ts'
import { content, type DownloadWorld, openDownloadWorld, repo } from './download-world.ts'
import { FolderOrigin } from './folder-origin.ts'

const temporaryFolder = temporaryFolders()
const bytesOf = (path: string) => content[path] ?? Buffer.alloc(0)

function describeIn(world: DownloadWorld, path: string): Promise<DescribedFile> {
  return world.origin.describeFile(repo, 'main', path)
}

/** An origin that gives no byte of anything, for a reason. */
class RefusingOrigin extends FolderOrigin {
  override openSource(): OriginSource {
    const open = async () => {
      throw new DfhfError('forbidden', 'not for you')
    }
    return { kind: 'hub', name: 'folder', open, isGiven: async () => false }
  }
}

describe('a file that is fetched', () => {
  test('crosses the way once for two paths of one content', async () => {
    using world = openDownloadWorld(openCache, temporaryFolder)
    const fetcher = world.fetcher()
    const files = await Promise.all(
      ['weights/b.bin', 'weights/same.bin'].map((path) => describeIn(world, path)),
    )
    const results = await Promise.all(files.map((file) => fetcher.fetch(file)))
    expect(results.map(({ bytes }) => bytes.hub).sort()).toEqual([0, 3_000_000])
    for (const { path } of results) expect(readFileSync(path).equals(bytesOf('weights/b.bin'))).toBe(true)
    expect(world.events.filter(({ type }) => type === 'file-done')).toHaveLength(2)
  })

  test('that was missing a moment ago is found all the same where another process brought it meanwhile', async () => {
    using world = openDownloadWorld(openCache, temporaryFolder)
    const file = await describeIn(world, 'weights/b.bin')
    await world.fetcher().fetch(file)
    const again = await world.fetcher().fetch(file, { isMissing: true })
    expect(again.bytes).toEqual({ hub: 0, peers: 0, local: 0 })
  })

  test('is taken from where it is, and fetched all the same when that is asked for', async () => {
    using world = openDownloadWorld(openCache, temporaryFolder)
    const file = await describeIn(world, 'weights/b.bin')
    const told: Oid[] = []
    const onVerified: FetchParts['onVerified'] = async (blobs) =>
      void told.push(...blobs.map(({ oid }) => oid))
    const first = await world.fetcher({ onVerified }).fetch(file)
    const second = await world.fetcher({ onVerified }).fetch(file)
    const forced = await world.fetcher({ onVerified, isForced: true }).fetch(file)
    expect([first, second, forced].map(({ bytes, verified }) => [bytes.hub, verified])).toEqual([
      [3_000_000, true],
      [0, false],
      [3_000_000, true],
    ])
    expect(told).toEqual([file.oid, file.oid])
  })

  test('is copied from a checked blob of this machine', async () => {
    using world = openDownloadWorld(openLocalDir, temporaryFolder)
    const file = await describeIn(world, 'weights/b.bin')
    const local = join(temporaryFolder(), 'blob')
    writeFileSync(local, bytesOf('weights/b.bin'))
    const fetcher = world.fetcher({ origin: undefined, findLocal: async () => local })
    const result = await fetcher.fetch(file)
    expect(result).toMatchObject({ bytes: { hub: 0, peers: 0, local: 3_000_000 }, verified: true })
    expect(readFileSync(result.path).equals(bytesOf('weights/b.bin'))).toBe(true)
  })

  test('is fetched where that blob has changed since', async () => {
    using world = openDownloadWorld(openLocalDir, temporaryFolder)
    const file = await describeIn(world, 'weights/b.bin')
    const local = join(temporaryFolder(), 'blob')
    writeFileSync(local, bytesOf('weights/a.bin').subarray(0, 3_000_000))
    const result = await world.fetcher({ findLocal: async () => local }).fetch(file)
    expect(result.bytes).toEqual({ hub: 3_000_000, peers: 0, local: 0 })
    expect(readFileSync(result.path).equals(bytesOf('weights/b.bin'))).toBe(true)
  })

  test('is named in an error that does not name it', async () => {
    using world = openDownloadWorld(openCache, temporaryFolder)
    const file = await describeIn(world, 'weights/b.bin')
    const error = await thrownBy(() => world.fetcher({ origin: new RefusingOrigin(world.root) }).fetch(file))
    expect(error).toMatchObject({
      code: 'forbidden',
      message: 'weights/b.bin of datasets/org/data: not for you',
    })
    expect(world.events.at(-1)).toMatchObject({ type: 'file-failed' })
  })
})

describe('peers', () => {
  /** A world with one peer that has `weights/a.bin`, and what peers would be told of where it is. */
  function withPeer(): { readonly world: DownloadWorld; readonly blobs: SwarmBlob[] } {
    const blobs: SwarmBlob[] = []
    const swarmOf = (blob: SwarmBlob) => {
      blobs.push(blob)
      const bytes = bytesOf('weights/a.bin')
      return blob.size === bytes.length ? new MemorySwarm([{ id: 'peer', bytes }]) : undefined
    }
    return { world: openDownloadWorld(openCache, temporaryFolder, { swarmOf }), blobs }
  }

  test('give a file where the origin may not be asked for bytes', async () => {
    const { world } = withPeer()
    using _ = world
    const result = await world.fetcher({ mayAskHub: false }).fetch(await describeIn(world, 'weights/a.bin'))
    expect(result.bytes).toEqual({ hub: 0, peers: 20_000_000, local: 0 })
  })

  test('that hold the key are believed only where the origin gives the blob as well', async () => {
    const { world } = withPeer()
    using _ = world
    const origin = new RefusingOrigin(world.root)
    const fetcher = world.fetcher({ origin, hasClusterKey: true })
    const file = await describeIn(world, 'weights/a.bin')
    expect(await thrownBy(() => fetcher.fetch(file))).toMatchObject({ code: 'forbidden' })
    expect(await fetcher.parts.destination.has(file)).toBe(false)
  })

  test('hear where a file is only once the origin has said that the repo is public, and it is asked once', async () => {
    let asked = 0
    class CountingOrigin extends FolderOrigin {
      override isPublic(): Promise<boolean> {
        asked += 1
        return super.isPublic()
      }
    }
    const { world, blobs } = withPeer()
    using _ = world
    const fetcher = world.fetcher({ origin: new CountingOrigin(world.root) })
    const files = [await describeIn(world, 'weights/a.bin'), await describeIn(world, 'weights/b.bin')]
    for (const file of files) await fetcher.fetch(file)
    const places = files.map(({ commit, path }) => ({ repo: 'datasets/org/data', commit, path }))
    expect(await Promise.all(blobs.map((blob) => blob.place()))).toEqual(places)
    expect(asked).toBe(1)
  })

  test.each([
    ['says that it is private', async () => false],
    ['does not answer', () => Promise.reject(new DfhfError('network', 'no answer'))],
  ])('hear nothing where the origin %s', async (_name, isPublic) => {
    const { world, blobs } = withPeer()
    using _ = world
    const origin = Object.assign(new FolderOrigin(world.root), { isPublic })
    await world.fetcher({ origin }).fetch(await describeIn(world, 'weights/a.bin'))
    expect(await blobs[0]?.place()).toBeUndefined()
  })

  test('that hold the key hear of private files too', async () => {
    const { world, blobs } = withPeer()
    using _ = world
    const origin = Object.assign(new FolderOrigin(world.root), { isPublic: async () => false })
    await world.fetcher({ origin, hasClusterKey: true }).fetch(await describeIn(world, 'weights/a.bin'))
    expect(await blobs[0]?.place()).toMatchObject({ path: 'weights/a.bin' })
  })
})

describe('room', () => {
  test('need not be there for what the store of this machine has', async () => {
    using world = openDownloadWorld(openCache, temporaryFolder)
    const file = await describeIn(world, 'weights/b.bin')
    const huge = { ...file, oid: (await describeIn(world, 'weights/a.bin')).oid, size: 2 ** 50 }
    const findLocal = async (oid: Oid) => (oid === huge.oid ? '/there' : undefined)
    await world.fetcher({ findLocal }).ensureRoom([file, huge])
    expect(await thrownBy(() => world.fetcher().ensureRoom([file, huge]))).toMatchObject({
      code: 'disk-full',
    })
    const forced = world.fetcher({ findLocal, isForced: true })
    expect(await thrownBy(() => forced.ensureRoom([file, huge]))).toMatchObject({ code: 'disk-full' })
  })
})
