import { describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { createOidHasher } from '../../src/blob/digest.ts'
import { isCommit, type Oid, parseOid } from '../../src/blob/oid.ts'
import type { FileRef } from '../../src/repo/file-ref.ts'
import { LocalDir } from '../../src/storage/local-dir/local-dir.ts'
import { formatLocalMetadata, parseLocalMetadata } from '../../src/storage/local-dir/local-metadata.ts'
import { partialJournalName } from '../../src/storage/partial/partial-name.ts'
import { temporaryFolders } from '../support/files/temporary-folder.ts'
import { sampleBlob, writePieces } from './sample-blob.ts'

const temporaryFolder = temporaryFolders()
const blob = sampleBlob(2_500_000)
const [first, second] = [commitOf('a'), commitOf('b')]

function commitOf(digit: string) {
  const text = digit.repeat(40)
  if (!isCommit(text)) throw new Error(text)
  return text
}

function gitOid(bytes: Uint8Array): Oid {
  return parseOid(createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex'))
}

function openDir(root = temporaryFolder()) {
  const hashed: string[] = []
  const dir = new LocalDir(root, {
    hashFile: async (path, oid, size) => {
      hashed.push(path)
      const hasher = createOidHasher(oid, size)
      hasher.update(readFileSync(path))
      return hasher.digest() === oid
    },
  })
  return { root, dir, hashed }
}

function wantedFile(path: string, commit = first): FileRef {
  return { commit, path, oid: blob.oid, size: blob.bytes.length }
}

async function bring(dir: LocalDir, wanted: FileRef): Promise<string> {
  await using file = await dir.openBlob(wanted)
  await writePieces(file, blob)
  return await file.publish()
}

/** Makes the file's time later than its metadata. */
function touch(path: string): void {
  const later = Date.now() / 1000 + 10
  utimesSync(path, later, later)
}

describe('a local dir', () => {
  test('holds plain files, and the notes of huggingface_hub beside them', async () => {
    const { root, dir } = openDir()
    const path = await bring(dir, wantedFile('sub/big.bin'))
    await (await dir.lock('sub/big.bin')).release()
    const oid = parseOid('c'.repeat(40))
    await dir.writeTree(first, [{ path: 'a', size: 1, oid, blobId: oid }])
    const state = join(root, '.cache', 'huggingface')
    expect(path).toBe(join(root, 'sub', 'big.bin'))
    expect(lstatSync(path).isFile()).toBe(true)
    expect(readFileSync(path).equals(blob.bytes)).toBe(true)
    expect(readdirSync(root).sort()).toEqual(['.cache', 'sub'])
    expect(readdirSync(state).sort()).toEqual(['.gitignore', 'CACHEDIR.TAG', 'download', 'trees'])
    expect(readFileSync(join(state, '.gitignore'), 'utf8')).toBe('*')
    expect(readdirSync(join(state, 'download', 'sub')).sort()).toEqual(['big.bin.lock', 'big.bin.metadata'])
    const lines = readFileSync(join(state, 'download', 'sub', 'big.bin.metadata'), 'utf8').split('\n')
    expect(lines).toEqual([first, blob.oid, expect.stringMatching(/^\d+\.\d{6}$/), ''])
    expect(Number(lines[2])).toBeGreaterThanOrEqual(statSync(path).mtimeMs / 1000 - 1)
    expect(await dir.readTree(first)).toHaveLength(1)
  })

  test('keeps an unfinished file under the name that the Hub would give it, and resumes it', async () => {
    const { root, dir } = openDir()
    const unfinished = await dir.openBlob(wantedFile('sub/big.bin'))
    await writePieces(unfinished, blob, [1])
    await unfinished.close()
    const hash = createHash('sha1').update('big.bin.metadata').digest('base64url')
    expect(readdirSync(join(root, '.cache', 'huggingface', 'download', 'sub')).sort()).toEqual([
      `${hash}=.${blob.oid}.dfhf-journal.incomplete`,
      `${hash}=.${blob.oid}.dfhf.incomplete`,
    ])
    expect(readdirSync(join(root, 'sub'))).toEqual([])
    await using again = await dir.openBlob(wantedFile('sub/big.bin'))
    expect([...again.pieces]).toEqual([1])
  })

  test('knows a file by its commit alone while it was not changed', async () => {
    const { dir } = openDir()
    expect(await dir.findFile(first, 'a')).toBeUndefined()
    const path = await bring(dir, wantedFile('a'))
    expect(await dir.findFile(first, 'a')).toBe(path)
    expect(await dir.findFile(second, 'a')).toBeUndefined()
    touch(path)
    expect(await dir.findFile(first, 'a')).toBeUndefined()
    expect(await dir.findAny('a')).toBe(path)
    rmSync(path)
    expect(await dir.findFile(first, 'a')).toBeUndefined()
    expect(await dir.findAny('a')).toBeUndefined()
  })

  test('takes an unchanged file for another commit with the same content, without hashing it', async () => {
    const { dir, hashed } = openDir()
    const path = await bring(dir, wantedFile('a'))
    expect(await dir.findUpToDate(wantedFile('a', second))).toBe(path)
    expect(await dir.findFile(second, 'a')).toBe(path)
    expect(hashed).toEqual([])
  })

  test('hashes a file without valid metadata, LFS or not, and then knows it', async () => {
    const { root, dir, hashed } = openDir()
    const path = join(root, 'a')
    writeFileSync(path, blob.bytes)
    expect(await dir.findUpToDate(wantedFile('a'))).toBe(path)
    expect(await dir.findUpToDate(wantedFile('a'))).toBe(path)
    expect(hashed).toEqual([path])
    touch(path)
    const regular = { ...wantedFile('a', second), oid: gitOid(blob.bytes) }
    expect(await dir.findUpToDate(regular)).toBe(path)
    expect(await dir.findUpToDate(regular)).toBe(path)
    expect(hashed).toEqual([path, path])
    expect(await dir.findFile(second, 'a')).toBe(path)
  })

  test('takes a file that was there just before a kill, and the journal that stayed beside it goes', async () => {
    const { dir } = openDir()
    const wanted = wantedFile('sub/w.bin')
    await bring(dir, wanted)
    const metadata = dir.layout.metadata(wanted.path)
    const stem = dir.layout.partialStem(wanted.path, wanted.oid)
    rmSync(metadata)
    writeFileSync(join(dirname(metadata), partialJournalName(stem)), '')
    expect(await dir.findUpToDate(wanted)).toBe(dir.layout.file(wanted.path))
    expect(readdirSync(dirname(metadata))).toEqual(['w.bin.metadata'])
  })

  test('does not take a changed file for the wanted one', async () => {
    const { root, dir, hashed } = openDir()
    const path = await bring(dir, wantedFile('a'))
    writeFileSync(path, Buffer.from(blob.bytes).fill(0, 0, 10))
    touch(path)
    expect(await dir.findUpToDate(wantedFile('a'))).toBeUndefined()
    expect(hashed).toEqual([path])
    // Another size needs no hash.
    writeFileSync(join(root, 'b'), 'short')
    expect(await dir.findUpToDate(wantedFile('b'))).toBeUndefined()
    // Valid metadata of another content need none either.
    const other = { ...wantedFile('c'), oid: gitOid(blob.bytes) }
    await bring(dir, wantedFile('c'))
    expect(await dir.findUpToDate(other)).toBeUndefined()
    expect(hashed).toEqual([path])
    await bring(dir, wantedFile('a'))
    expect(readFileSync(path).equals(blob.bytes)).toBe(true)
  })

  test('copies a blob from the cache, not sharing bytes that a user may edit', async () => {
    const { dir } = openDir()
    const store = temporaryFolder()
    writeFileSync(join(store, 'blob'), blob.bytes, { mode: 0o444 })
    symlinkSync('blob', join(store, 'link'))
    const path = await dir.copyFrom(join(store, 'link'), wantedFile('deep/er/a'))
    expect(readFileSync(path).equals(blob.bytes)).toBe(true)
    expect(lstatSync(path).isFile()).toBe(true)
    expect(statSync(path).ino).not.toBe(statSync(join(store, 'blob')).ino)
    expect(statSync(path).mode & 0o777).toBe(0o666 & ~process.umask())
    expect(readdirSync(dirname(path))).toEqual(['a'])
    expect(await dir.findFile(first, 'deep/er/a')).toBe(path)
  })

  test('replaces a link at the file name and, in a clone, writes through none on the way', async () => {
    const { root, dir } = openDir()
    const outside = temporaryFolder()
    writeFileSync(join(outside, 'precious'), 'precious')
    symlinkSync(join(outside, 'precious'), join(root, 'a'))
    await bring(dir, wantedFile('a'))
    expect(readFileSync(join(outside, 'precious'), 'utf8')).toBe('precious')
    mkdirSync(join(root, '.git'))
    symlinkSync(outside, join(root, 'sub'))
    const { dir: clone } = openDir(root)
    await expect(clone.openBlob(wantedFile('sub/a'))).rejects.toMatchObject({ code: 'disk' })
    await expect(clone.copyFrom(join(root, 'a'), wantedFile('sub/a'))).rejects.toMatchObject({ code: 'disk' })
    expect(readdirSync(outside)).toEqual(['precious'])
  })

  test('says before the download that a folder stands in the way', async () => {
    const { root, dir } = openDir()
    mkdirSync(join(root, 'a'))
    await expect(dir.openBlob(wantedFile('a'))).rejects.toMatchObject({ code: 'disk' })
    await expect(dir.openBlob(wantedFile('a/../../b'))).rejects.toMatchObject({ code: 'bad-response' })
    expect(existsSync(join(root, '..', 'b'))).toBe(false)
  })

  test('without locks or notes that can be written is still readable', async () => {
    const file = join(temporaryFolder(), 'file')
    writeFileSync(file, '')
    const { dir } = openDir(file)
    expect((await dir.lock('a')).isHeld).toBe(false)
    expect(await dir.findFile(first, 'a')).toBeUndefined()
    await expect(dir.openBlob(wantedFile('a'))).rejects.toMatchObject({ code: 'disk' })
  })
})

describe('metadata of a local file', () => {
  test('come back as they were written', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e12 }), (time) => {
        const metadata = { commit: first, etag: blob.oid, timestamp: time / 1000 }
        expect(parseLocalMetadata(formatLocalMetadata(metadata))).toEqual(metadata)
      }),
    )
  })

  test('are read as Python writes them', () => {
    expect(parseLocalMetadata(`${first}\n${blob.oid}\n1712345678.1234567\n`)).toEqual({
      commit: first,
      etag: blob.oid,
      timestamp: 1712345678.1234567,
    })
  })

  test.each(['', '\n\n\n', `${'a'.repeat(40)}\nx\n`, `${'a'.repeat(40)}\nx\nsoon\n`, 'a\nx\n1.0\n'])(
    'count for nothing when they read %j',
    (text) => {
      expect(parseLocalMetadata(text)).toBeUndefined()
    },
  )
})
