import { describe, expect, test } from 'bun:test'
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { readBootId } from '../../src/storage/files/boot-id.ts'
import { decodeJournal, JournalEncoder } from '../../src/storage/partial/journal-format.ts'
import { KeptSums } from '../../src/storage/partial/kept-sums.ts'
import { openPartialBlob, type PartialBlobOptions } from '../../src/storage/partial/partial-blob.ts'
import { partialDataName, partialJournalName } from '../../src/storage/partial/partial-name.ts'
import { canMountSmallDisk, smallDisks } from '../support/files/small-disk.ts'
import { temporaryFolders } from '../support/files/temporary-folder.ts'
import { pieceOf, sampleBlob, writePieces } from './sample-blob.ts'

const MIB = 2 ** 20
const temporaryFolder = temporaryFolders()
const blob = sampleBlob(5 * MIB + 123)
const dataName = partialDataName(blob.oid)
const journalName = partialJournalName(blob.oid)

function optionsIn(folder: string): PartialBlobOptions {
  return { folder, oid: blob.oid, size: blob.bytes.length, finalPath: join(folder, blob.oid) }
}

describe('a blob that is wrong', () => {
  const mending = { signal: new AbortController().signal }
  const rotten = (...pieces: readonly number[]) => {
    const bytes = Buffer.from(blob.bytes)
    for (const piece of pieces) bytes[piece * MIB + 17] = (bytes[piece * MIB + 17] ?? 0) ^ 1
    return bytes
  }

  test('gives its pieces to the right one, but for those that have another sum than when they were written', async () => {
    const [folder, state] = [temporaryFolder(), temporaryFolder()]
    const options = { ...optionsIn(folder), sums: new KeptSums(state) }
    await using first = await openPartialBlob(options)
    await writePieces(first, blob)
    const path = await first.publish()
    writeFileSync(path, rotten(1, 4))
    await using second = await openPartialBlob({ ...options, mending })
    expect([...second.pieces]).toEqual([0, 2, 3, 5])
    expect(readFileSync(path).equals(rotten(1, 4))).toBe(true)
    await writePieces(second, blob, [1, 4])
    await second.publish()
    expect(readFileSync(path).equals(blob.bytes)).toBe(true)
    expect(readdirSync(folder)).toEqual([blob.oid])
  })

  test('gives all its pieces where nothing is known of them, and those that are there of one that was cut short', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, blob.oid), rotten(1).subarray(0, 4 * MIB + 5))
    await using file = await openPartialBlob({ ...optionsIn(folder), mending })
    expect([...file.pieces]).toEqual([0, 1, 2, 3])
  })

  test('behind a link is read, and stays as it is', async () => {
    const [folder, elsewhere] = [temporaryFolder(), temporaryFolder()]
    writeFileSync(join(elsewhere, 'shared'), rotten(1))
    symlinkSync(join(elsewhere, 'shared'), join(folder, blob.oid))
    await using file = await openPartialBlob({ ...optionsIn(folder), mending })
    expect(file.pieces.isFull).toBe(true)
    await writePieces(file, blob, [1])
    await file.publish()
    expect(readFileSync(join(folder, blob.oid)).equals(blob.bytes)).toBe(true)
    expect(readFileSync(join(elsewhere, 'shared')).equals(rotten(1))).toBe(true)
  })

  test('leaves nothing behind when its reading is ended', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, blob.oid), rotten(1))
    const opening = openPartialBlob({
      ...optionsIn(folder),
      mending: { signal: AbortSignal.abort('enough') },
    })
    await expect(opening).rejects.toBe('enough')
    expect(readdirSync(folder)).toEqual([blob.oid])
  })
})

describe('a partial blob', () => {
  test('written out of order is published whole, with the usual mode, and leaves nothing else', async () => {
    const folder = temporaryFolder()
    await using file = await openPartialBlob(optionsIn(folder))
    await writePieces(file, blob, [5, 0, 3, 1, 4, 2])
    expect(file.pieces.isFull).toBe(true)
    expect(file.path).toMatch(/\.[0-9a-f]{8}\.dfhf\.incomplete$/)
    const path = await file.publish()
    expect(path).toBe(join(folder, blob.oid))
    expect(file.path).toBe(path)
    expect(readdirSync(folder)).toEqual([blob.oid])
    expect(readFileSync(path).equals(blob.bytes)).toBe(true)
    expect(statSync(path).mode & 0o777).toBe(0o666 & ~process.umask())
    expect(Buffer.from(await file.read(MIB, 10))).toEqual(Buffer.from(blob.bytes.subarray(MIB, MIB + 10)))
  })

  test('keeps committed pieces for the next run and forgets the others', async () => {
    const folder = temporaryFolder()
    const first = await openPartialBlob(optionsIn(folder))
    await writePieces(first, blob, [1, 4, 5])
    await first.revoke(4)
    await first.write(pieceOf(blob, 2), 2 * MIB)
    await first.close()
    await first.close()
    await using second = await openPartialBlob(optionsIn(folder))
    expect([...second.pieces]).toEqual([1, 5])
    expect(Buffer.from(await second.read(MIB, MIB)).equals(pieceOf(blob, 1))).toBe(true)
  })

  test('is not published while bytes are missing at its end', async () => {
    const folder = temporaryFolder()
    await using file = await openPartialBlob(optionsIn(folder))
    await writePieces(file, blob, [0, 1])
    await expect(file.publish()).rejects.toMatchObject({ code: 'disk' })
    expect(existsSync(join(folder, blob.oid))).toBe(false)
  })

  test('refuses bytes that lie outside it', async () => {
    await using file = await openPartialBlob(optionsIn(temporaryFolder()))
    await expect(file.write(new Uint8Array(2), blob.bytes.length - 1)).rejects.toBeInstanceOf(RangeError)
    await expect(file.write(new Uint8Array(2), -1)).rejects.toBeInstanceOf(RangeError)
    await expect(file.read(0, 1)).rejects.toMatchObject({ code: 'disk' })
  })

  test('leaves nothing behind when it is discarded, or closed with nothing in it', async () => {
    const folder = temporaryFolder()
    const used = await openPartialBlob(optionsIn(folder))
    await writePieces(used, blob, [0])
    await used.discard()
    await used.close()
    await (await openPartialBlob(optionsIn(folder))).close()
    expect(readdirSync(folder)).toEqual([])
  })

  test.each([0, 1, MIB])('of %d bytes is published without a journal', async (size) => {
    const folder = temporaryFolder()
    const small = sampleBlob(size)
    await using file = await openPartialBlob({
      folder,
      oid: small.oid,
      size,
      finalPath: join(folder, small.oid),
    })
    expect(readdirSync(folder).map((name) => join(folder, name))).toEqual([file.path])
    await writePieces(file, small)
    expect(readFileSync(await file.publish()).equals(small.bytes)).toBe(true)
    expect(readdirSync(folder)).toEqual([small.oid])
  })

  test('replaces a link into a shared store and does not write through it', async () => {
    const folder = temporaryFolder()
    const shared = join(temporaryFolder(), 'shared')
    writeFileSync(shared, 'precious')
    symlinkSync(shared, join(folder, blob.oid))
    await using file = await openPartialBlob(optionsIn(folder))
    await writePieces(file, blob)
    await file.publish()
    expect(readFileSync(shared, 'utf8')).toBe('precious')
    expect(readFileSync(join(folder, blob.oid)).equals(blob.bytes)).toBe(true)
  })

  test('does not follow a link that stands at the partial name', async () => {
    const folder = temporaryFolder()
    const target = join(temporaryFolder(), 'target')
    writeFileSync(target, 'precious')
    symlinkSync(target, join(folder, dataName))
    await using file = await openPartialBlob(optionsIn(folder))
    await writePieces(file, blob)
    await file.publish()
    expect(readFileSync(target, 'utf8')).toBe('precious')
    expect(readFileSync(join(folder, blob.oid)).equals(blob.bytes)).toBe(true)
  })

  test('in use by one writer is left alone by a second, which writes beside it', async () => {
    const folder = temporaryFolder()
    await using first = await openPartialBlob(optionsIn(folder))
    await writePieces(first, blob, [0, 1])
    const second = await openPartialBlob(optionsIn(folder))
    expect(second.path).not.toBe(first.path)
    expect(second.path).toMatch(/\.[0-9a-f]{8}\.dfhf\.incomplete$/)
    expect(second.pieces.count).toBe(0)
    await writePieces(second, blob, [2])
    await second.close()
    // A third comes while the first still writes: what the second left is of use to it.
    await using third = await openPartialBlob(optionsIn(folder))
    expect(third.path).not.toBe(first.path)
    expect([...third.pieces]).toEqual([2])
    await writePieces(first, blob)
    await writePieces(third, blob)
    await Promise.all([first.publish(), third.publish()])
    expect(readdirSync(folder)).toEqual([blob.oid])
  })

  test('is not written to by one who opened it just before it was published', async () => {
    const folder = temporaryFolder()
    const first = await openPartialBlob(optionsIn(folder))
    await writePieces(first, blob)
    const [second] = await Promise.all([openPartialBlob(optionsIn(folder)), first.publish()])
    await first.close()
    await second.write(new Uint8Array(100), 0)
    await second.close()
    expect(readFileSync(join(folder, blob.oid)).equals(blob.bytes)).toBe(true)
  })
})

describe('what an earlier run left is not trusted', () => {
  async function leave(folder: string, indices: number[]): Promise<void> {
    const file = await openPartialBlob(optionsIn(folder))
    await writePieces(file, blob, indices)
    await file.close()
  }

  async function found(folder: string): Promise<number[]> {
    await using file = await openPartialBlob(optionsIn(folder))
    return [...file.pieces]
  }

  test('where the data is shorter than the journal says', async () => {
    const folder = temporaryFolder()
    await leave(folder, [0, 1, 2, 5])
    truncateSync(join(folder, dataName), 2 * MIB + 5)
    expect(await found(folder)).toEqual([0, 1])
  })

  test('when the data is gone', async () => {
    const folder = temporaryFolder()
    await leave(folder, [0, 1])
    rmSync(join(folder, dataName))
    expect(await found(folder)).toEqual([])
  })

  test('when the journal is gone, empty or of another blob', async () => {
    const folder = temporaryFolder()
    for (const spoil of [
      (path: string) => rmSync(path),
      (path: string) => truncateSync(path, 0),
      (path: string) => truncateSync(path, 87),
      (path: string) => writeFileSync(path, new Uint8Array(4096)),
      (path: string) => {
        const other = new JournalEncoder()
        const subject = { oid: sampleBlob(9).oid, size: blob.bytes.length, pieceSize: MIB, bootId: 'x' }
        writeFileSync(
          path,
          Buffer.concat([other.header(subject), other.record({ kind: 'commit', index: 0 })]),
        )
      },
    ]) {
      await leave(folder, [0, 1])
      spoil(join(folder, journalName))
      expect(await found(folder)).toEqual([])
    }
  })

  test('after the machine was started anew, but for what had reached the medium', async () => {
    const folder = temporaryFolder()
    const path = join(folder, journalName)
    const about = { oid: blob.oid, size: blob.bytes.length, pieceSize: MIB }
    const first = await openPartialBlob({ ...optionsIn(folder), syncEverySize: 2 * MIB })
    await writePieces(first, blob, [0, 1])
    // The sync runs in the background; closing waits for it.
    await first.close()
    const subject = { ...about, bootId: await readBootId() }
    expect(decodeJournal(readFileSync(path), subject)).toEqual({ synced: [0, 1], unsynced: [] })
    await leave(folder, [3])
    expect(decodeJournal(readFileSync(path), subject)).toEqual({ synced: [0, 1], unsynced: [3] })
    // The same records as another boot would have written them.
    const before = new JournalEncoder()
    writeFileSync(
      path,
      Buffer.concat([
        before.header({ ...about, bootId: 'an earlier boot' }),
        before.record({ kind: 'commit', index: 0 }),
        before.record({ kind: 'commit', index: 1 }),
        before.record({ kind: 'checkpoint', records: 2 }),
        before.record({ kind: 'commit', index: 3 }),
      ]),
    )
    expect(await found(folder)).toEqual([0, 1])
  })
})

describe('a partial blob that another program meddles with', () => {
  test('is not published under the final name when its own is gone', async () => {
    const folder = temporaryFolder()
    await using file = await openPartialBlob(optionsIn(folder))
    await writePieces(file, blob)
    rmSync(file.path)
    await expect(file.publish()).rejects.toMatchObject({ code: 'disk' })
    expect(existsSync(join(folder, blob.oid))).toBe(false)
  })

  test('is not published when another file took its name', async () => {
    const folder = temporaryFolder()
    await using file = await openPartialBlob(optionsIn(folder))
    await writePieces(file, blob)
    const other = join(folder, 'other')
    writeFileSync(other, new Uint8Array(blob.bytes.length))
    const { path } = file
    renameSync(other, path)
    await expect(file.publish()).rejects.toMatchObject({ code: 'disk' })
    expect(existsSync(join(folder, blob.oid))).toBe(false)
  })
})

describe.skipIf(!canMountSmallDisk)('when the disk says no', () => {
  const smallDisk = smallDisks()

  test('a full disk is one clear error, and what was committed stays', async () => {
    const mount = smallDisk('3m')
    const first = await openPartialBlob(optionsIn(mount))
    await writePieces(first, blob, [0, 1])
    const failure = await writePieces(first, blob, [2, 3, 4]).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'disk-full' })
    expect(String(failure)).toContain(mount)
    expect(String(failure)).not.toContain('\n')
    await first.close()
    execFileSync('mount', ['-o', 'remount,size=12m', mount])
    await using second = await openPartialBlob(optionsIn(mount))
    expect([...second.pieces].slice(0, 2)).toEqual([0, 1])
    await writePieces(second, blob)
    expect(readFileSync(await second.publish()).equals(blob.bytes)).toBe(true)
  })

  test('a journal that no longer grows fails the commit, and the piece is not taken for present', async () => {
    const mount = smallDisk('3m')
    const many = sampleBlob(300 * MIB)
    const path = join(mount, 'filler')
    const file = await openPartialBlob({
      folder: mount,
      oid: many.oid,
      size: 300 * MIB,
      finalPath: join(mount, 'x'),
      durable: false,
    })
    writeFileSync(path, new Uint8Array(4096))
    try {
      for (;;) writeFileSync(path, new Uint8Array(65_536), { flag: 'a' })
    } catch {}
    let committed = 0
    const failure = await (async () => {
      // Records of 16 bytes fill the journal's page after about 250.
      for (; committed < 300; committed += 1) await file.commit(committed)
    })().catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'disk-full' })
    expect(file.pieces.has(committed)).toBe(false)
    rmSync(path)
    await file.commit(committed)
    expect(file.pieces.count).toBe(committed + 1)
    await file.close()
    const subject = { oid: many.oid, size: 300 * MIB, pieceSize: MIB, bootId: await readBootId() }
    const found = decodeJournal(readFileSync(join(mount, partialJournalName(many.oid))), subject)
    expect(found?.unsynced).toHaveLength(committed + 1)
  })

  test('a read-only folder, or a file in the place of a folder, is a disk error', async () => {
    const mount = smallDisk('1m')
    execFileSync('mount', ['-o', 'remount,ro', mount])
    await expect(openPartialBlob(optionsIn(mount))).rejects.toMatchObject({ code: 'disk' })
    const file = join(temporaryFolder(), 'file')
    writeFileSync(file, '')
    await expect(openPartialBlob(optionsIn(file))).rejects.toMatchObject({ code: 'disk' })
    const folder = temporaryFolder()
    mkdirSync(join(folder, blob.oid))
    await using blocked = await openPartialBlob(optionsIn(folder))
    await writePieces(blocked, blob)
    await expect(blocked.publish()).rejects.toMatchObject({ code: 'disk' })
  })
})

test('a hard link to a published blob keeps its bytes when the blob is fetched again', async () => {
  const folder = temporaryFolder()
  const publish = async () => {
    await using file = await openPartialBlob(optionsIn(folder))
    await writePieces(file, blob)
    return await file.publish()
  }
  linkSync(await publish(), join(folder, 'kept'))
  await publish()
  expect(readFileSync(join(folder, 'kept')).equals(blob.bytes)).toBe(true)
})
