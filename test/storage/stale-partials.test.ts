import { describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import fc from 'fast-check'
import { openPartialBlob } from '../../src/storage/partial/partial-blob.ts'
import {
  parsePartialName,
  partialDataName,
  partialJournalName,
} from '../../src/storage/partial/partial-name.ts'
import { listPartials, removeStalePartials } from '../../src/storage/partial/stale-partials.ts'
import { temporaryFolders } from '../support/files/temporary-folder.ts'
import { sampleBlob, writePieces } from './sample-blob.ts'

const temporaryFolder = temporaryFolders()
const DAY_MS = 86_400_000

async function leavePartial(folder: string, seed: number) {
  const blob = sampleBlob(3 * 2 ** 20, seed)
  const file = await openPartialBlob({
    folder,
    oid: blob.oid,
    size: blob.bytes.length,
    finalPath: join(folder, blob.oid),
  })
  await writePieces(file, blob, [1])
  return { file, blob }
}

describe('partial files that no run needs', () => {
  test('are listed with what they take of the disk, a lone journal too', async () => {
    const folder = temporaryFolder()
    const { file, blob } = await leavePartial(folder, 1)
    await file.close()
    writeFileSync(join(folder, partialJournalName('ab'.repeat(20))), 'x')
    writeFileSync(join(folder, 'cd.incomplete'), 'of another tool')
    const found = await listPartials(folder)
    expect(found.map(({ stem }) => stem).sort()).toEqual(['ab'.repeat(20), blob.oid].sort())
    const data = found.find(({ stem }) => stem === blob.oid)
    expect(data?.size).toBeGreaterThanOrEqual(2 ** 20)
    expect(data?.size).toBeLessThan(2 * 2 ** 20)
    expect(await listPartials(join(folder, 'nowhere'))).toEqual([])
  })

  test('are removed when they are old and not in use', async () => {
    const folder = temporaryFolder()
    const left = await leavePartial(folder, 1)
    await left.file.close()
    const used = await leavePartial(folder, 2)
    writeFileSync(join(folder, partialJournalName('ab'.repeat(20))), 'x')
    writeFileSync(join(folder, 'cd.incomplete'), 'of another tool')
    expect(await removeStalePartials(folder, { olderThanMs: DAY_MS })).toEqual([])
    const removed = await removeStalePartials(folder, { olderThanMs: DAY_MS, nowMs: Date.now() + 2 * DAY_MS })
    expect(removed.map(({ stem }) => stem).sort()).toEqual(['ab'.repeat(20), left.blob.oid].sort())
    const own = basename(used.file.path)
    const kept = [own, own.replace('.dfhf.', '.dfhf-journal.'), 'cd.incomplete']
    expect(readdirSync(folder).sort()).toEqual(kept.sort())
    await writePieces(used.file, used.blob)
    await used.file.publish()
    await used.file.close()
    expect(existsSync(join(folder, used.blob.oid))).toBe(true)
  })
})

test('partial names are read back as they were made', () => {
  const stem = fc.stringMatching(/^[0-9a-zA-Z_=-]{1,30}(\.[0-9a-f]{40})?$/)
  const suffix = fc.option(fc.stringMatching(/^([0-9a-f]{8}){1,2}$/), { nil: undefined })
  fc.assert(
    fc.property(stem, suffix, (stem, suffix) => {
      expect(parsePartialName(partialDataName(stem, suffix))).toEqual({ stem, suffix, kind: 'data' })
      expect(parsePartialName(partialJournalName(stem, suffix))).toEqual({ stem, suffix, kind: 'journal' })
    }),
  )
  expect(parsePartialName('ab.incomplete')).toBeUndefined()
  expect(parsePartialName('ab.0123abcd.incomplete')).toBeUndefined()
})
