import { afterEach, beforeEach, expect, test } from 'bun:test'
import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findOrphans, removeOrphan } from '../../src/storage/partial/find-orphans.ts'
import { openPartialBlob } from '../../src/storage/partial/partial-blob.ts'
import { sampleBlob } from './sample-blob.ts'

const oid = sampleBlob(1).oid
let root: string
let folder: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'dfhf-orphans-'))
  folder = join(root, 'blobs')
  await mkdir(folder)
})

afterEach(() => rm(root, { recursive: true }))

const inAMinute = () => Date.now() + 60_000
const kinds = async (before = inAMinute()) =>
  (await findOrphans(folder, root, before)).map(({ kind }) => kind).sort()

test('what killed runs left is found, and what is new or no leftover is not', async () => {
  const names = [
    `${oid}.dfhf.incomplete`,
    `${'b'.repeat(64)}.0123abcd.dfhf-journal.incomplete`,
    `${oid}.repos.0123abcd.tmp`,
  ]
  for (const name of [...names, oid, `${oid}.incomplete`, 'notes.tmp'])
    await writeFile(join(folder, name), 'x')
  expect(await kinds()).toEqual(['journal', 'partial', 'temporary'])
  expect(await kinds(Date.now() - 60_000)).toEqual([])
  for (const orphan of await findOrphans(folder, root, inAMinute())) await removeOrphan(orphan)
  expect((await readdir(folder)).sort()).toEqual([oid, `${oid}.incomplete`, 'notes.tmp'].sort())
})

test('a partial that a process writes to is none', async () => {
  const size = 40 * 2 ** 20
  await using blob = await openPartialBlob({ folder, oid, size, finalPath: join(folder, oid) })
  await blob.write(new Uint8Array(10), 0)
  expect(await kinds()).toEqual([])
})

test('nothing behind a link that leads elsewhere is one', async () => {
  const elsewhere = await mkdtemp(join(tmpdir(), 'dfhf-elsewhere-'))
  try {
    const path = join(elsewhere, `${oid}.dfhf.incomplete`)
    await writeFile(path, 'x')
    await utimes(path, 1, 1)
    await symlink(elsewhere, join(root, 'linked'))
    expect(await findOrphans(join(root, 'linked'), root, inAMinute())).toEqual([])
    expect(await findOrphans(elsewhere, elsewhere, inAMinute())).toHaveLength(1)
  } finally {
    await rm(elsewhere, { recursive: true })
  }
})
