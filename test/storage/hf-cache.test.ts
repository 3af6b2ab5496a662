import { describe, expect, test } from 'bun:test'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { type Commit, isCommit, parseOid } from '../../src/blob/oid.ts'
import type { Repo } from '../../src/repo/repo.ts'
import { HfCache } from '../../src/storage/cache/hf-cache.ts'
import { partialDataName, partialJournalName } from '../../src/storage/partial/partial-name.ts'
import { temporaryFolders } from '../support/files/temporary-folder.ts'
import { sampleBlob, writePieces } from './sample-blob.ts'

const temporaryFolder = temporaryFolders()
const repo: Repo = { type: 'model', id: 'org/name' }
const blob = sampleBlob(1234)
const [first, second] = [commitOf('a'), commitOf('b')]

function commitOf(digit: string): Commit {
  const text = digit.repeat(40)
  if (!isCommit(text)) throw new Error(text)
  return text
}

async function publish(cache: HfCache, which = blob): Promise<string> {
  await using file = await cache.openBlob(repo, which.oid, which.bytes.length)
  await writePieces(file, which)
  return await file.publish()
}

describe('the Hugging Face cache', () => {
  test('lets go of downloads that were given up more than a month ago, but not of the one that goes on', async () => {
    const cache = new HfCache(join(temporaryFolder(), 'hub'))
    const { blobs } = cache.layout(repo)
    const [own, other] = [sampleBlob(3 * 2 ** 20), sampleBlob(4 * 2 ** 20)]
    for (const { oid, bytes } of [own, other]) {
      await using file = await cache.openBlob(repo, oid, bytes.length)
      await file.write(bytes.subarray(0, 2 ** 20), 0)
      await file.commit(0)
    }
    const longAgo = Date.now() / 1000 - 40 * 86_400
    for (const name of readdirSync(blobs)) utimesSync(join(blobs, name), longAgo, longAgo)
    await using resumed = await cache.openBlob(repo, own.oid, own.bytes.length)
    expect([...resumed.pieces]).toEqual([0])
    expect(readdirSync(blobs).some((name) => name.startsWith(other.oid))).toBe(false)
  })

  test('loses the journal that a kill left beside a published blob, but not that of a partial file', async () => {
    const cache = new HfCache(join(temporaryFolder(), 'hub'))
    const { blobs } = cache.layout(repo)
    await publish(cache)
    const journal = join(blobs, partialJournalName(blob.oid))
    const partial = join(blobs, partialDataName(blob.oid))
    writeFileSync(journal, '')
    writeFileSync(partial, '')
    await cache.linkFile(repo, first, 'w', blob.oid)
    expect(existsSync(journal)).toBe(true)
    rmSync(partial)
    await cache.linkFile(repo, second, 'w', blob.oid)
    expect(readdirSync(blobs)).toEqual([blob.oid])
  })

  test('takes shape as huggingface_hub lays it out', async () => {
    const root = join(temporaryFolder(), 'hub')
    const cache = new HfCache(root)
    await cache.writeRef(repo, 'main', first)
    await cache.writeRef(repo, 'refs/pr/1', first)
    const path = await publish(cache)
    expect(await cache.linkFile(repo, first, 'sub/big.bin', blob.oid)).toBe(
      join(root, 'models--org--name', 'snapshots', first, 'sub', 'big.bin'),
    )
    await cache.linkFile(repo, first, 'config.json', blob.oid)
    await using _lock = await cache.lock(repo, blob.oid)

    const folder = join(root, 'models--org--name')
    expect(readdirSync(root).sort()).toEqual(['.locks', 'CACHEDIR.TAG', 'models--org--name'])
    expect(readdirSync(folder).sort()).toEqual(['blobs', 'refs', 'snapshots'])
    expect(path).toBe(join(folder, 'blobs', blob.oid))
    expect(readFileSync(join(folder, 'refs', 'main'), 'utf8')).toBe(first)
    expect(readFileSync(join(folder, 'refs', 'refs', 'pr', '1'), 'utf8')).toBe(first)
    expect(readdirSync(join(folder, 'refs')).sort()).toEqual(['main', 'refs'])
    expect(readlinkSync(join(folder, 'snapshots', first, 'sub', 'big.bin'))).toBe(
      `../../../blobs/${blob.oid}`,
    )
    expect(readlinkSync(join(folder, 'snapshots', first, 'config.json'))).toBe(`../../blobs/${blob.oid}`)
    expect(existsSync(join(root, '.locks', 'models--org--name', `${blob.oid}.lock`))).toBe(true)
    expect(readFileSync(join(root, 'CACHEDIR.TAG'), 'utf8')).toStartWith(
      'Signature: 8a477f597d28d172789f06886806bc55\n#',
    )
  })

  test('resolves revisions, and a commit to itself', async () => {
    const cache = new HfCache(temporaryFolder())
    expect(await cache.readRef(repo, 'main')).toBeUndefined()
    await cache.writeRef(repo, 'main', first)
    await cache.writeRef(repo, 'main', second)
    await cache.writeRef(repo, second, second)
    expect(await cache.readRef(repo, 'main')).toBe(second)
    expect(await cache.readRef(repo, first)).toBe(first)
    expect(readdirSync(join(cache.layout(repo).folder, 'refs'))).toEqual(['main'])
    expect(readdirSync(join(cache.layout(repo).folder, 'snapshots')).sort()).toEqual([first, second])
    writeFileSync(cache.layout(repo).ref('odd'), 'no commit')
    expect(await cache.readRef(repo, 'odd')).toBeUndefined()
    await expect(cache.readRef(repo, '../main')).rejects.toMatchObject({ code: 'usage' })
  })

  test('finds a file only when its whole chain of links leads to a file', async () => {
    const cache = new HfCache(temporaryFolder())
    expect(await cache.findFile(repo, first, 'a.bin')).toBeUndefined()
    await cache.linkFile(repo, first, 'a.bin', blob.oid)
    expect(await cache.findFile(repo, first, 'a.bin')).toBeUndefined()
    expect(await cache.findBlob(repo, blob.oid, blob.bytes.length)).toBeUndefined()
    await publish(cache)
    expect(readFileSync((await cache.findFile(repo, first, 'a.bin')) ?? '').equals(blob.bytes)).toBe(true)
    expect(await cache.findBlob(repo, blob.oid, blob.bytes.length)).toBe(cache.layout(repo).blob(blob.oid))
    expect(await cache.findBlob(repo, blob.oid, 7)).toBeUndefined()
    expect(await cache.findFile(repo, first, 'a.bin/b')).toBeUndefined()
  })

  test('reads a blob through a link into the shared store and replaces the link, not what it leads to', async () => {
    const cache = new HfCache(temporaryFolder())
    const shared = join(cache.root, 'blobs', 'ab', 'cdef')
    mkdirSync(dirname(shared), { recursive: true })
    writeFileSync(shared, blob.bytes, { mode: 0o444 })
    const layout = cache.layout(repo)
    mkdirSync(layout.blobs, { recursive: true })
    symlinkSync('../../blobs/ab/cdef', layout.blob(blob.oid))
    await cache.linkFile(repo, first, 'a.bin', blob.oid)
    expect(readFileSync((await cache.findFile(repo, first, 'a.bin')) ?? '').equals(blob.bytes)).toBe(true)
    expect(await cache.findBlob(repo, blob.oid, blob.bytes.length)).toBeDefined()
    await publish(cache)
    expect(lstatSync(layout.blob(blob.oid)).isFile()).toBe(true)
    expect(statSync(shared).mode & 0o777).toBe(0o444)
    expect(statSync(shared).ino).not.toBe(statSync(layout.blob(blob.oid)).ino)
  })

  test('changes an entry to another blob, and takes the place of a file', async () => {
    const cache = new HfCache(temporaryFolder())
    const other = sampleBlob(99, 5)
    await publish(cache)
    await publish(cache, other)
    await cache.linkFile(repo, first, 'a', blob.oid)
    await cache.linkFile(repo, first, 'a', blob.oid)
    const entry = await cache.linkFile(repo, first, 'a', other.oid)
    expect(readlinkSync(entry)).toBe(`../../blobs/${other.oid}`)
    expect(readdirSync(cache.layout(repo).blobs).sort()).toEqual([blob.oid, other.oid].sort())
  })

  test('remembers files that a commit does not have', async () => {
    const cache = new HfCache(temporaryFolder())
    await cache.markMissing(repo, first, 'sub/none.json')
    expect(
      readFileSync(join(cache.layout(repo).folder, '.no_exist', first, 'sub', 'none.json'), 'utf8'),
    ).toBe('')
  })

  test('keeps the list of files of a commit beside its snapshot folder', async () => {
    const cache = new HfCache(temporaryFolder())
    const oid = parseOid('c'.repeat(40))
    const tree = [{ path: 'a', size: 1, oid, blobId: oid }]
    await cache.writeTree(repo, first, tree)
    expect(await cache.readTree(repo, first)).toEqual(tree)
    expect(await cache.readTree(repo, second)).toBeUndefined()
    expect(readdirSync(join(cache.layout(repo).folder, 'trees'))).toEqual([`${first}.json`])
    expect(existsSync(cache.layout(repo).snapshot(first))).toBe(true)
  })

  test.each(['../x', '/x', 'a\\..\\x', 'a\0', '..'])('refuses the path %j in every method', async (path) => {
    const cache = new HfCache(temporaryFolder())
    const refused = { code: 'bad-response' }
    await expect(cache.findFile(repo, first, path)).rejects.toMatchObject(refused)
    await expect(cache.linkFile(repo, first, path, blob.oid)).rejects.toMatchObject(refused)
    await expect(cache.markMissing(repo, first, path)).rejects.toMatchObject(refused)
    expect(readdirSync(cache.root)).toEqual([])
  })

  test('does not write through a link that leads out of it', async () => {
    const cache = new HfCache(temporaryFolder())
    const outside = temporaryFolder()
    mkdirSync(cache.layout(repo).snapshot(first), { recursive: true })
    symlinkSync(outside, join(cache.layout(repo).snapshot(first), 'sub'))
    await expect(cache.linkFile(repo, first, 'sub/a', blob.oid)).rejects.toMatchObject({ code: 'disk' })
    await expect(cache.linkFile(repo, first, 'sub/deep/a', blob.oid)).rejects.toMatchObject({ code: 'disk' })
    expect(readdirSync(outside)).toEqual([])
  })

  test('may itself stand behind a link', async () => {
    const folder = temporaryFolder()
    symlinkSync(temporaryFolder(), join(folder, 'link'))
    const cache = new HfCache(join(folder, 'link'))
    await publish(cache)
    expect(existsSync(await cache.linkFile(repo, first, 'a/b', blob.oid))).toBe(true)
  })

  test('goes on where its lock folder vanishes meanwhile, and has locks again at the next file', async () => {
    const root = temporaryFolder()
    const cache = new HfCache(root)
    const isHeld = async () => {
      await using lock = await cache.lock(repo, blob.oid)
      return lock.isHeld
    }
    expect(await isHeld()).toBe(true)
    rmSync(join(root, '.locks'), { recursive: true })
    expect([await isHeld(), await isHeld()]).toEqual([false, true])
  })

  test('at a path that is a file is a disk error, but nothing to stumble over when reading', async () => {
    const file = join(temporaryFolder(), 'file')
    writeFileSync(file, '')
    const cache = new HfCache(file)
    expect(await cache.readRef(repo, 'main')).toBeUndefined()
    expect(await cache.findFile(repo, first, 'a')).toBeUndefined()
    expect((await cache.lock(repo, blob.oid)).isHeld).toBe(false)
    await expect(cache.openBlob(repo, blob.oid, 1)).rejects.toMatchObject({ code: 'disk' })
    await expect(cache.writeRef(repo, 'main', first)).rejects.toMatchObject({ code: 'disk' })
  })
})

describe('a cache without links', () => {
  test('moves a new blob into the snapshot and copies an older one', async () => {
    const cache = new HfCache(temporaryFolder(), { disableSymlinks: true })
    const layout = cache.layout(repo)
    await publish(cache)
    const copied = await cache.linkFile(repo, first, 'sub/copied.bin', blob.oid)
    const moved = await cache.linkFile(repo, first, 'sub/moved.bin', blob.oid, { isNew: true })
    expect(readdirSync(layout.blobs)).toEqual([])
    for (const path of [copied, moved]) {
      expect(lstatSync(path).isFile()).toBe(true)
      expect(statSync(path).mode & 0o777).toBe(0o666 & ~process.umask())
      expect(readFileSync(path).equals(blob.bytes)).toBe(true)
    }
    expect(readdirSync(dirname(moved)).sort()).toEqual(['copied.bin', 'moved.bin'])
    expect(await cache.findFile(repo, first, 'sub/moved.bin')).toBe(moved)
  })
})
