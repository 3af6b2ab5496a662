import { describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { KnownFolders } from '../../src/storage/files/known-folders.ts'
import { SharedSync } from '../../src/storage/files/shared-sync.ts'
import { createPartial } from '../../src/storage/partial/claim-partial.ts'
import { openPartialBlob } from '../../src/storage/partial/partial-blob.ts'
import { partialDataName } from '../../src/storage/partial/partial-name.ts'
import { removeLostPartials } from '../../src/storage/partial/stale-partials.ts'
import { writeWhole } from '../../src/storage/partial/write-whole.ts'
import { temporaryFolders } from '../support/files/temporary-folder.ts'
import { thrownBy } from '../support/http/thrown-by.ts'
import { sampleBlob } from './sample-blob.ts'

const temporaryFolder = temporaryFolders()
const blob = sampleBlob(3_000)
const subject = (folder: string) => ({
  ...{ bytes: blob.bytes, folder, stem: blob.oid },
  finalPath: join(folder, blob.oid),
})

describe('a blob that is whole in memory', () => {
  test('stands under its name alone, and its folder was synced after it got that', async () => {
    const folder = temporaryFolder()
    const seen: string[][] = []
    const sync = new SharedSync(async (path) => void seen.push(readdirSync(path)))
    await writeWhole(subject(folder), sync)
    expect(readFileSync(join(folder, blob.oid)).equals(blob.bytes)).toBe(true)
    expect(readdirSync(folder)).toEqual([blob.oid])
    expect(seen).toEqual([[blob.oid]])
  })

  test('replaces what stood there', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, blob.oid), 'half')
    await writeWhole(subject(folder), undefined)
    expect(readFileSync(join(folder, blob.oid)).equals(blob.bytes)).toBe(true)
  })

  test('leaves nothing where its name cannot be given', async () => {
    const folder = temporaryFolder()
    await mkdir(join(folder, blob.oid, 'in the way'), { recursive: true })
    expect(await thrownBy(() => writeWhole(subject(folder), undefined))).toMatchObject({ code: 'disk' })
    expect(readdirSync(folder)).toEqual([blob.oid])
  })
})

describe('a partial without a journal', () => {
  test('is removed once its writer is gone, and never while it is there', async () => {
    const folder = temporaryFolder()
    const living = await createPartial(folder, blob.oid)
    const lost = join(folder, partialDataName(blob.oid, '0123abcd'))
    writeFileSync(lost, 'half')
    await removeLostPartials(folder)
    expect([existsSync(lost), existsSync(living.path)]).toEqual([false, true])
    await living.handle.close()
    await removeLostPartials(folder)
    expect(readdirSync(folder)).toEqual([])
  })

  test('is not taken for one that was put down, or that can be gone on with', async () => {
    const folder = temporaryFolder()
    const parked = partialDataName('b'.repeat(64))
    writeFileSync(join(folder, parked), 'half')
    const size = 3_000_000
    const partial = await openPartialBlob({
      ...{ folder, oid: blob.oid, size, finalPath: join(folder, blob.oid) },
    })
    const names = readdirSync(folder)
    await removeLostPartials(folder)
    expect(readdirSync(folder).toSorted()).toEqual(names.toSorted())
    await partial.discard()
    await partial.close()
  })
})

describe('a folder sync', () => {
  test('is shared by those that ask together, and begins after each of them asked', async () => {
    const asked: string[] = []
    const synced: string[][] = []
    const sync = new SharedSync(async () => void synced.push([...asked]))
    const ask = (name: string) => {
      asked.push(name)
      return sync.sync('/folder')
    }
    await Promise.all([ask('a'), ask('b')])
    await ask('c')
    expect(synced).toEqual([
      ['a', 'b'],
      ['a', 'b', 'c'],
    ])
  })

  test('that fails does so for all that share it, and for nobody later', async () => {
    let isBroken = true
    const sync = new SharedSync(async () => {
      if (isBroken) throw new Error('broken')
    })
    const [first, second] = await Promise.allSettled([sync.sync('/f'), sync.sync('/f')])
    expect([first.status, second.status]).toEqual(['rejected', 'rejected'])
    isBroken = false
    await sync.sync('/f')
  })
})

describe('a known folder', () => {
  test('is made once, and again when it is gone', async () => {
    const folder = join(temporaryFolder(), 'sub')
    const folders = new KnownFolders()
    let made = 0
    const make = async () => {
      made += 1
      await mkdir(folder)
    }
    const write = (name: string) =>
      folders.within(folder, make, async () => writeFileSync(join(folder, name), ''))
    await write('a')
    await write('b')
    expect(made).toBe(1)
    await rm(folder, { recursive: true })
    await write('c')
    expect([made, readdirSync(folder)]).toEqual([2, ['c']])
  })

  test('is not made anew for another fault', async () => {
    const folders = new KnownFolders()
    let made = 0
    const make = async () => {
      made += 1
    }
    await folders.within('/f', make, async () => {})
    const broken = async () => {
      throw new Error('broken')
    }
    expect(await thrownBy(() => folders.within('/f', make, broken))).toMatchObject({ message: 'broken' })
    expect(made).toBe(1)
  })
})
