import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import {
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { ensureSpace, freeSpace, occupiedSpace } from '../../src/storage/files/disk-space.ts'
import type { HashFile } from '../../src/storage/files/hash-file.ts'
import { placeBlob } from '../../src/storage/partial/place-blob.ts'
import { canMountSmallDisk, smallDisks } from '../support/files/small-disk.ts'
import { temporaryFolders } from '../support/files/temporary-folder.ts'
import { sampleBlob } from './sample-blob.ts'

const temporaryFolder = temporaryFolders()
const blob = sampleBlob(5_000_000)

describe('placing a blob', () => {
  test('shares its bytes on one file system, also when the source is a link', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'blob'), blob.bytes)
    symlinkSync('blob', join(folder, 'link'))
    writeFileSync(join(folder, 'target'), 'old')
    const placedBy = await placeBlob(join(folder, 'link'), join(folder, 'target'))
    expect(['reflink', 'hardlink']).toContain(placedBy)
    if (placedBy === 'hardlink') {
      expect(statSync(join(folder, 'target')).ino).toBe(statSync(join(folder, 'blob')).ino)
    }
    expect(readFileSync(join(folder, 'target')).equals(blob.bytes)).toBe(true)
    expect(readdirSync(folder).sort()).toEqual(['blob', 'link', 'target'])
  })

  test('onto another name of the same file changes nothing and leaves nothing', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'blob'), blob.bytes)
    linkSync(join(folder, 'blob'), join(folder, 'target'))
    await placeBlob(join(folder, 'blob'), join(folder, 'target'))
    expect(readdirSync(folder).sort()).toEqual(['blob', 'target'])
  })

  test('of another content than expected is refused, and leaves what stood there', async () => {
    const folder = temporaryFolder()
    const hashFile: HashFile = async (path, oid) =>
      createHash('sha256').update(readFileSync(path)).digest('hex') === oid
    writeFileSync(join(folder, 'target'), 'old')
    for (const spoil of [0, 2_500_000, 4_999_999]) {
      const bytes = blob.bytes.slice()
      bytes[spoil] = (bytes[spoil] ?? 0) ^ 1
      writeFileSync(join(folder, 'blob'), bytes)
      const options = { hardLink: false, expected: { oid: blob.oid, size: bytes.length }, hashFile }
      await expect(placeBlob(join(folder, 'blob'), join(folder, 'target'), options)).rejects.toMatchObject({
        code: 'verification-failed',
      })
    }
    expect(readFileSync(join(folder, 'target'), 'utf8')).toBe('old')
    expect(readdirSync(folder).sort()).toEqual(['blob', 'target'])
  })

  test('of a blob that is gone is a disk error', async () => {
    const folder = temporaryFolder()
    await expect(placeBlob(join(folder, 'none'), join(folder, 'target'))).rejects.toMatchObject({
      code: 'disk',
    })
  })

  test('ends when the signal aborts, and leaves nothing', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'blob'), blob.bytes)
    const placed = placeBlob(join(folder, 'blob'), join(folder, 'target'), {
      hardLink: false,
      signal: AbortSignal.abort(),
    })
    await placed.catch((error: unknown) => expect(error).toMatchObject({ name: 'AbortError' }))
    expect(readdirSync(folder).filter((name) => name !== 'target')).toEqual(['blob'])
  })

  test.skipIf(!canMountSmallDisk)('copies to another file system, whole or not at all', async () => {
    await copyToSmallDisks()
  })

  const smallDisk = smallDisks()
  async function copyToSmallDisks(): Promise<void> {
    const source = join(temporaryFolder(), 'blob')
    writeFileSync(source, blob.bytes)
    const wide = smallDisk('8m')
    expect(await placeBlob(source, join(wide, 'target'))).toBe('copy')
    expect(readFileSync(join(wide, 'target')).equals(blob.bytes)).toBe(true)
    const narrow = smallDisk('2m')
    await expect(placeBlob(source, join(narrow, 'target'))).rejects.toMatchObject({ code: 'disk-full' })
    expect(readdirSync(narrow)).toEqual([])
  }
})

describe('the space on a disk', () => {
  const smallDisk = smallDisks()

  test('is asked of the nearest folder that exists', async () => {
    const folder = temporaryFolder()
    expect(await freeSpace(join(folder, 'not', 'yet'))).toBeGreaterThan(0)
    expect(existsSync(join(folder, 'not'))).toBe(false)
    await ensureSpace([{ path: join(folder, 'not', 'yet'), size: 1 }])
    await ensureSpace([{ path: folder, size: 0 }])
    await expect(ensureSpace([{ path: folder, size: Number.MAX_SAFE_INTEGER }])).rejects.toMatchObject({
      code: 'disk-full',
    })
    expect(await occupiedSpace(join(folder, 'none'))).toBe(0)
  })

  test.skipIf(!canMountSmallDisk)('that is short is told with what is needed and what is free', async () => {
    const mount = smallDisk('3m')
    await ensureSpace([{ path: mount, size: 3_000_000 }])
    const failure = await ensureSpace([{ path: mount, size: 4_000_000 }]).catch((error: unknown) => error)
    expect(String(failure)).toContain(`not enough space at ${mount}: 4.0 MB needed, 3.1 MB free`)
  })
})
