import { describe, expect, test } from 'bun:test'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseOid } from '../../src/blob/oid.ts'
import type { FileRef } from '../../src/repo/file-ref.ts'
import type { Repo } from '../../src/repo/repo.ts'
import { downloadFile } from '../../src/repo-download/download-file.ts'
import { downloadSnapshot } from '../../src/repo-download/download-snapshot.ts'
import { sampleBlob } from '../storage/sample-blob.ts'
import { temporaryFolders } from '../support/files/temporary-folder.ts'
import { thrownBy } from '../support/http/thrown-by.ts'
import { destinations } from './destinations.ts'
import { content, openDownloadWorld } from './download-world.ts'
import { FolderOrigin } from './folder-origin.ts'

const temporaryFolder = temporaryFolders()
const everything = { include: undefined, exclude: [], mustMatch: [] }

describe.each(destinations)('a folder as origin, into %s', (_name, open) => {
  test('gives one file, checked', async () => {
    using world = openDownloadWorld(open, temporaryFolder)
    const result = await downloadFile(world.fetcher(), 'weights/a.bin')
    expect(readFileSync(result.path).equals(content['weights/a.bin'] ?? Buffer.alloc(0))).toBe(true)
    expect(result).toMatchObject({
      repo: 'datasets/org/data',
      oid: sampleBlob(20_000_000, 1).oid,
      bytes: { hub: 20_000_000, peers: 0, local: 0 },
      verified: true,
    })
  })

  test('gives a whole snapshot, and it is there without the origin from then on', async () => {
    using world = openDownloadWorld(open, temporaryFolder)
    const { path, commit, files } = await downloadSnapshot(world.fetcher(), everything, { workers: 4 })
    expect(files).toHaveLength(Object.keys(content).length)
    for (const [name, bytes] of Object.entries(content))
      expect([name, readFileSync(join(path, name)).equals(bytes)]).toEqual([name, true])
    rmSync(world.root, { recursive: true })
    const offline = world.fetcher({ origin: undefined })
    const again = await downloadSnapshot(offline, everything, { workers: 4 })
    expect(again).toMatchObject({ path, commit })
    expect(again.files.every(({ verified }) => !verified)).toBe(true)
    expect((await downloadFile(offline, 'config.json')).path).toBe(join(path, 'config.json'))
  })

  test('takes what has changed and no more', async () => {
    using world = openDownloadWorld(open, temporaryFolder)
    const before = await downloadSnapshot(world.fetcher(), everything, { workers: 4 })
    world.put('config.json', Buffer.from('{"a":2}'))
    const after = await downloadSnapshot(world.fetcher(), everything, { workers: 4 })
    expect(after.commit).not.toBe(before.commit)
    expect(readFileSync(join(after.path, 'config.json'), 'utf8')).toBe('{"a":2}')
    expect(after.files.reduce((sum, { bytes }) => sum + bytes.hub, 0)).toBe(7)
  })

  test('says which file it has not', async () => {
    using world = openDownloadWorld(open, temporaryFolder)
    expect(await thrownBy(() => downloadFile(world.fetcher(), 'none.txt'))).toMatchObject({
      code: 'file-not-found',
    })
    const mistyped = world.fetcher({ repo: { type: 'model', id: 'org/data' } })
    expect(await thrownBy(() => downloadFile(mistyped, 'config.json'))).toMatchObject({
      code: 'repo-not-found',
    })
  })

  test('is not believed when its bytes are not what it said', async () => {
    using world = openDownloadWorld(open, temporaryFolder)
    class ChangedOrigin extends FolderOrigin {
      override async describeFile(...asked: Parameters<FolderOrigin['describeFile']>) {
        const file = await super.describeFile(...asked)
        world.put(file.path, sampleBlob(file.size, 9).bytes)
        return file
      }
    }
    const origin = new ChangedOrigin(world.root)
    const error = await thrownBy(() => downloadFile(world.fetcher({ origin }), 'weights/b.bin'))
    expect(error).toMatchObject({ code: 'verification-failed' })
    expect(world.events.some(({ type }) => type === 'file-done')).toBe(false)
  })

  test('may correct an oid of which it was not sure', async () => {
    using world = openDownloadWorld(open, temporaryFolder)
    class UnsureOrigin extends FolderOrigin {
      override async describeFile(...asked: Parameters<FolderOrigin['describeFile']>) {
        const file = await super.describeFile(...asked)
        return { ...file, oid: parseOid('ab'.repeat(20)), isOidUnsure: true }
      }

      async correctOid(of: Repo, { path }: FileRef) {
        return (await this.list(of)).find((file) => file.path === path)
      }
    }
    const origin = new UnsureOrigin(world.root)
    const result = await downloadFile(world.fetcher({ origin }), 'config.json')
    expect(readFileSync(result.path, 'utf8')).toBe('{"a":1}')
    expect(result.verified).toBe(true)
  })
})
