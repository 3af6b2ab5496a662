import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseOid } from '../../src/blob/oid.ts'
import { listCachedRepos, unreferencedBlobs } from '../../src/storage/cache/cache-contents.ts'

const commit = 'c'.repeat(40)
const linked = parseOid('a'.repeat(64))
const unlinked = parseOid('b'.repeat(64))
let root: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'dfhf-contents-'))
  const repo = join(root, 'models--o--m')
  await mkdir(join(repo, 'blobs'), { recursive: true })
  await mkdir(join(repo, 'refs/pr'), { recursive: true })
  await mkdir(join(repo, 'snapshots', commit, 'sub'), { recursive: true })
  await writeFile(join(repo, 'blobs', linked), 'linked')
  await writeFile(join(repo, 'blobs', unlinked), 'unlinked')
  await writeFile(join(repo, 'blobs', `${linked}.incomplete`), 'x')
  await writeFile(join(repo, 'refs/main'), commit)
  await writeFile(join(repo, 'refs/pr/1'), commit)
  await symlink(`../../../blobs/${linked}`, join(repo, 'snapshots', commit, 'sub/w.bin'))
  await mkdir(join(root, '.locks'))
})

afterEach(() => rm(root, { recursive: true }))

async function onlyRepo() {
  const all = await Array.fromAsync(listCachedRepos(root))
  expect(all).toHaveLength(1)
  const [only] = all
  if (!only) throw new Error('no repo')
  return only
}

test('a repo is read with its blobs, revisions and refs', async () => {
  const { repo, blobs, revisions } = await onlyRepo()
  expect(repo).toEqual({ type: 'model', id: 'o/m' })
  expect(blobs.map(({ oid, size }) => [oid, size]).sort()).toEqual([
    [linked, 6],
    [unlinked, 8],
  ])
  expect(revisions).toMatchObject([{ commit, files: [{ path: 'sub/w.bin', oid: linked, size: 6 }] }])
  expect(revisions[0]?.refs.toSorted()).toEqual(['main', 'pr/1'])
})

test('a blob that no snapshot links to is unreferenced', async () => {
  expect(unreferencedBlobs(await onlyRepo()).map(({ oid }) => oid)).toEqual([unlinked])
})

test('where a snapshot has plain files no blob counts as unreferenced', async () => {
  await writeFile(join(root, 'models--o--m/snapshots', commit, 'plain'), 'x')
  expect(unreferencedBlobs(await onlyRepo())).toEqual([])
})

test('a link into a shared store is no blob to remove', async () => {
  const elsewhere = join(root, 'elsewhere')
  await writeFile(elsewhere, 'x')
  await symlink(elsewhere, join(root, 'models--o--m/blobs', 'd'.repeat(64)))
  expect(unreferencedBlobs(await onlyRepo()).map(({ oid }) => oid)).toEqual([unlinked])
})

test('a cache that is not there has no repos', async () => {
  expect(await Array.fromAsync(listCachedRepos(join(root, 'none')))).toEqual([])
})
