import { describe, expect, test } from 'bun:test'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { isCommit } from '../../src/blob/oid.ts'
import type { Repo } from '../../src/repo/repo.ts'
import { HfCache } from '../../src/storage/cache/hf-cache.ts'
import type { WholeFile } from '../../src/storage/cache/write-files.ts'
import { removeLostPartials } from '../../src/storage/partial/stale-partials.ts'
import { writeMany } from '../../src/storage/partial/write-many.ts'
import { temporaryFolders } from '../support/files/temporary-folder.ts'
import { thrownBy } from '../support/http/thrown-by.ts'
import { sampleBlob } from './sample-blob.ts'

const temporaryFolder = temporaryFolders()
const repo: Repo = { type: 'dataset', id: 'org/name' }
const commit = commitOf('a')

function commitOf(digit: string) {
  const text = digit.repeat(40)
  if (!isCommit(text)) throw new Error(text)
  return text
}

/** Small files with these paths, each of another content. */
function filesAt(...paths: readonly string[]): WholeFile[] {
  return paths.map((path, index) => {
    const { oid, bytes } = sampleBlob(100 + index, index + 1)
    return { file: { commit, path, oid, size: bytes.length }, bytes }
  })
}

function openCache(options: { readonly disableSymlinks?: boolean } = {}) {
  const cache = new HfCache(join(temporaryFolder(), 'hub'), options)
  return { cache, layout: cache.layout(repo) }
}

function expectPlaced(files: readonly WholeFile[], paths: readonly (string | undefined)[]): void {
  expect(paths.map((path) => path !== undefined)).toEqual(files.map(() => true))
  for (const [index, { bytes }] of files.entries())
    expect(readFileSync(paths[index] ?? '').equals(bytes)).toBe(true)
}

describe('many small files that are written together', () => {
  test('stand as those that are written one by one, and leave nothing else', async () => {
    const { cache, layout } = openCache()
    const files = filesAt('a.json', 'sub/b.json', 'sub/deep/c.json', 'sub/d.json')
    const paths = await cache.writeFiles(repo, files)
    expectPlaced(files, paths)
    const other = openCache()
    for (const { file, bytes } of files) {
      await other.cache.writeBlob(repo, file.oid, bytes)
      await other.cache.linkFile(repo, commit, file.path, file.oid, { isNew: true })
    }
    const all = (folder: string) => (readdirSync(folder, { recursive: true }) as string[]).sort()
    expect(all(cache.root)).toEqual(all(other.cache.root))
    for (const { file } of files)
      expect(readlinkSync(layout.entry(commit, file.path))).toBe(
        readlinkSync(other.layout.entry(commit, file.path)),
      )
  })

  test('take the place of a broken blob, and leave an entry that is right', async () => {
    const { cache, layout } = openCache()
    const files = filesAt('a', 'b')
    await cache.writeFiles(repo, files)
    for (const { file } of files) writeFileSync(layout.blob(file.oid), 'wrong')
    expectPlaced(files, await cache.writeFiles(repo, files))
  })

  test('are passed over where something else stands at the entry, and the others come', async () => {
    const { cache, layout } = openCache()
    const files = filesAt('a', 'b', 'c')
    await cache.writeFiles(repo, files.slice(2))
    writeFileSync(layout.entry(commit, 'b'), 'a file of another tool')
    const [a, b] = await cache.writeFiles(repo, files.slice(0, 2))
    expect([a, b]).toEqual([layout.entry(commit, 'a'), undefined])
    expect(readFileSync(layout.entry(commit, 'b'), 'utf8')).toBe('a file of another tool')
  })

  test('are written by themselves where there are no links', async () => {
    const { cache } = openCache({ disableSymlinks: true })
    expect(await cache.writeFiles(repo, filesAt('a', 'b'))).toEqual([undefined, undefined])
  })

  test('come again where the folder of the blobs went away meanwhile, by themselves', async () => {
    const { cache, layout } = openCache()
    const files = filesAt('a', 'b')
    await cache.writeFiles(repo, files)
    rmSync(layout.folder, { recursive: true })
    expect(await cache.writeFiles(repo, files)).toEqual([undefined, undefined])
  })

  test.each(['../out', 'sub/../../out', '/out', 'a//b'])('never stand outside: %s', async (path) => {
    const { cache } = openCache()
    await cache.writeFiles(repo, filesAt('a'))
    expect(await thrownBy(() => cache.writeFiles(repo, filesAt('b', path)))).toMatchObject({
      code: 'bad-response',
    })
    expect(readdirSync(dirname(cache.root))).toEqual(['hub'])
  })

  test('are not written through a link that a repo could have made', async () => {
    const { cache, layout } = openCache()
    await cache.writeFiles(repo, filesAt('a'))
    const outside = temporaryFolder()
    symlinkSync(outside, join(layout.snapshot(commit), 'sub'))
    expect(await thrownBy(() => cache.writeFiles(repo, filesAt('sub/b')))).toMatchObject({ code: 'disk' })
    expect(readdirSync(outside)).toEqual([])
  })
})

describe('many blobs', () => {
  const subjects = (folder: string) =>
    [1, 2, 3].map((seed) => {
      const { oid, bytes } = sampleBlob(100, seed)
      return { bytes, folder, stem: oid, finalPath: join(folder, oid) }
    })

  test('have their names once all of them are on the medium, and never before', async () => {
    const folder = temporaryFolder()
    const blobs = subjects(folder)
    const named: number[] = []
    const seen: string[][] = []
    const sync = async (descriptors: readonly number[]) => {
      expect(descriptors).toHaveLength(blobs.length)
      // The lock keeps away those that clean up.
      await removeLostPartials(folder)
      seen.push(readdirSync(folder))
    }
    await writeMany(blobs, sync, (index) => named.push(index))
    expect(seen[0]).toHaveLength(blobs.length)
    expect(seen[0]?.every((name) => name.endsWith('.incomplete'))).toBe(true)
    expect(named).toEqual([0, 1, 2])
    expect(readdirSync(folder).sort()).toEqual(blobs.map(({ stem }) => stem).sort())
  })

  test('have no name and leave nothing where the medium fails', async () => {
    const folder = temporaryFolder()
    const broken = () => Promise.reject(new Error('input/output error'))
    await writeMany(subjects(folder), broken, () => expect.unreachable())
    expect(readdirSync(folder)).toEqual([])
  })

  test('do without the one whose name cannot be given', async () => {
    const folder = temporaryFolder()
    const [first, second, third] = subjects(folder)
    if (!first || !second || !third) expect.unreachable()
    mkdirSync(join(second.finalPath, 'in the way'), { recursive: true })
    const named: number[] = []
    await writeMany([first, second, third], undefined, (index) => named.push(index))
    expect(named).toEqual([0, 2])
    expect(readdirSync(folder).sort()).toEqual([first, second, third].map(({ stem }) => stem).sort())
    expect(existsSync(join(second.finalPath, 'in the way'))).toBe(true)
  })
})
