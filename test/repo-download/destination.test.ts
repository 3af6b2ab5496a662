import { describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { isCommit, parseOid } from '../../src/blob/oid.ts'
import type { FileRef, ListedFile } from '../../src/repo/file-ref.ts'
import type { Destination } from '../../src/repo-download/destination.ts'
import { isInside } from '../../src/storage/files/safe-path.ts'
import { sampleBlob, writePieces } from '../storage/sample-blob.ts'
import { temporaryFolders } from '../support/files/temporary-folder.ts'
import { thrownBy } from '../support/http/thrown-by.ts'
import { destinations } from './destinations.ts'

const temporaryFolder = temporaryFolders()
const repo = { type: 'model', id: 'org/name' } as const
const blob = sampleBlob(2_500_000)
const [first, second] = [commitOf('a'), commitOf('b')]
const file: FileRef = { commit: first, path: 'sub/big.bin', oid: blob.oid, size: blob.bytes.length }
const never = new AbortController().signal

/** A file system apart from the one that temporary folders stand on. */
const otherDisk = '/dev/shm'
const hasOtherDisk = existsSync(otherDisk) && statSync(otherDisk).dev !== statSync(tmpdir()).dev

function commitOf(digit: string) {
  const text = digit.repeat(40)
  if (!isCommit(text)) throw new Error(text)
  return text
}

/** Brings the file as a fetcher does, and returns its path. */
async function bring(place: Destination, wanted = file): Promise<string> {
  await using partial = await place.openBlob(wanted)
  await writePieces(partial, blob)
  return await place.finish(wanted, await partial.publish())
}

describe.each(destinations)('as a destination, %s', (_name, open) => {
  const openIn = (folder = temporaryFolder()) => ({ folder, place: open(folder, repo) })

  test('knows of nothing at first', async () => {
    const { place } = openIn()
    expect(await place.has(file)).toBe(false)
    expect(await place.place(file)).toBeUndefined()
    expect(await place.readRef('main')).toBeUndefined()
    expect(await place.findKnown('main', file.path)).toBeUndefined()
    expect(await place.findKnown(first, file.path)).toBeUndefined()
    expect(await place.readTree(first)).toBeUndefined()
    expect(await place.listPlaced(first)).toBeUndefined()
  })

  test('gives a published blob its name below the folder of its commit', async () => {
    const { folder, place } = openIn()
    const path = await bring(place)
    expect(readFileSync(path).equals(blob.bytes)).toBe(true)
    expect(path).toBe(join(place.folderOf(first), 'sub', 'big.bin'))
    expect(isInside(folder, path)).toBe(true)
    expect(await place.has(file)).toBe(true)
    expect(await place.place(file)).toBe(path)
    expect(await open(folder, repo).place(file)).toBe(path)
  })

  test('has no file before it is published, and goes on with what was written of it', async () => {
    const { folder, place } = openIn()
    {
      await using partial = await place.openBlob(file)
      await writePieces(partial, blob, [1])
      expect(await place.has(file)).toBe(false)
      expect(await place.place(file)).toBeUndefined()
    }
    await using again = await open(folder, repo).openBlob(file)
    expect([...again.pieces]).toEqual([1])
  })

  test('gives the same content in another commit without a byte being fetched', async () => {
    const { place } = openIn()
    await bring(place)
    const later = { ...file, commit: second }
    expect(await place.has(later)).toBe(true)
    const path = await place.place(later)
    expect(path).toBe(join(place.folderOf(second), 'sub', 'big.bin'))
    expect(readFileSync(path ?? '').equals(blob.bytes)).toBe(true)
  })

  test('does not count a file that was cut short', async () => {
    const { place } = openIn()
    truncateSync(await bring(place), 1_000)
    expect(await place.has(file)).toBe(false)
    expect(await place.place(file)).toBeUndefined()
  })

  test('does not give another content for the one of that path', async () => {
    const { place } = openIn()
    await bring(place)
    const other = { ...file, commit: second, oid: sampleBlob(2_400_000, 7).oid, size: 2_400_000 }
    expect(await place.has(other)).toBe(false)
    expect(await place.place(other)).toBeUndefined()
  })

  test('takes a copy from elsewhere on this machine', async () => {
    const { place } = openIn()
    const source = join(temporaryFolder(), 'copy')
    writeFileSync(source, blob.bytes)
    const path = await place.copyFrom(source, file, never)
    expect(readFileSync(path).equals(blob.bytes)).toBe(true)
    expect(await place.place(file)).toBe(path)
  })

  // On its own disk the cache gives a checked copy a second name and does not read it once more.
  test.skipIf(!hasOtherDisk)('refuses what it copies and finds to be something else', async () => {
    const { place } = openIn()
    await using elsewhere = await mkdtempDisposable(join(otherDisk, 'dfhf-copy-'))
    const source = join(elsewhere.path, 'copy')
    writeFileSync(source, sampleBlob(blob.bytes.length, 7).bytes)
    expect(await thrownBy(() => place.copyFrom(source, file, never))).toMatchObject({
      code: 'verification-failed',
    })
    expect(await place.has(file)).toBe(false)
    expect(readFileSync(await bring(place)).equals(blob.bytes)).toBe(true)
  })

  test('keeps what a revision meant, and finds a file by it without asking', async () => {
    const { folder, place } = openIn()
    const path = await bring(place)
    expect(await place.noteRevision('refs/pr/1', first)).toBe(true)
    const later = open(folder, repo)
    expect(await later.readRef('refs/pr/1')).toBe(first)
    expect(await later.findKnown('refs/pr/1', file.path)).toMatchObject({ file: path })
    expect(await later.findKnown(first, file.path)).toEqual({ file: path, commit: first })
    expect(await later.findKnown(second, file.path)).toBeUndefined()
    expect(await later.findKnown('refs/pr/1', 'none')).toBeUndefined()
    expect(await place.noteRevision('refs/pr/1', second)).toBe(true)
    expect(await later.readRef('refs/pr/1')).toBe(second)
  })

  test('keeps the list of all files of a commit', async () => {
    const { folder, place } = openIn()
    const oid = parseOid('c'.repeat(40))
    const files: ListedFile[] = [
      { path: 'a', size: 1, oid, blobId: oid },
      { path: file.path, size: file.size, oid: file.oid, blobId: 'd'.repeat(40), xetHash: 'e'.repeat(64) },
    ]
    await place.noteTree(first, files)
    expect(await open(folder, repo).readTree(first)).toEqual(files)
    expect(await place.readTree(second)).toBeUndefined()
    await place.noteMissing(first, 'none')
  })

  test('lists what is here of a commit where nothing says what it holds', async () => {
    const { folder, place } = openIn()
    const path = await bring(place)
    const placed = { path: file.path, file: path, size: file.size, oid: file.oid }
    expect(await open(folder, repo).listPlaced(first)).toEqual([placed])
    expect(await place.listPlaced(second)).toBeUndefined()
  })

  test('lets one at a time bring a file, and says who does', async () => {
    const { folder, place } = openIn()
    const held = await place.lock(file, { signal: never, onWait: () => {} })
    const { promise: waiting, resolve: onWait } = Promise.withResolvers<string>()
    const stop = new AbortController()
    const stopped = thrownBy(() => open(folder, repo).lock(file, { signal: stop.signal, onWait: () => {} }))
    let isTaken = false
    const next = open(folder, repo)
      .lock(file, { signal: never, onWait })
      .finally(() => (isTaken = true))
    expect(await waiting).not.toBe('')
    stop.abort()
    expect(await stopped).toMatchObject({ name: 'AbortError' })
    expect(isTaken).toBe(false)
    await held[Symbol.asyncDispose]()
    await (await next)[Symbol.asyncDispose]()
  })

  test('says before the first byte that there is no room', async () => {
    const { place } = openIn()
    const huge = { ...file, size: 2 ** 50 }
    await place.ensureRoom([file])
    expect(await thrownBy(() => place.ensureRoom([file, huge]))).toMatchObject({ code: 'disk-full' })
    expect(await thrownBy(() => place.openBlob({ ...file, size: 2 ** 45 }))).toMatchObject({
      code: 'disk-full',
    })
  })

  test.each(['../x', '/x', 'a/../../x', 'a\0'])('puts nothing at %j', async (path) => {
    const { folder, place } = openIn()
    const outside = { ...file, path }
    const refused = { name: 'UnusableNameError', code: 'bad-response' }
    expect(await thrownBy(() => place.has(outside))).toMatchObject(refused)
    expect(await thrownBy(() => place.place(outside))).toMatchObject(refused)
    expect(await thrownBy(() => bring(place, outside))).toMatchObject(refused)
    expect(await thrownBy(() => place.findKnown(first, path))).toMatchObject(refused)
    expect(existsSync(join(dirname(folder), 'x'))).toBe(false)
  })

  test('replaces a file of another content that stands at the name', async () => {
    const { place } = openIn()
    const path = join(place.folderOf(first), 'sub', 'big.bin')
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, 'old')
    expect(await place.has(file)).toBe(false)
    expect(await bring(place)).toBe(path)
    expect(readFileSync(path).equals(blob.bytes)).toBe(true)
  })
})
