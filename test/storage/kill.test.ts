import { expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pieceCountOf, pieceRange } from '../../src/blob/pieces.ts'
import { openPartialBlob } from '../../src/storage/partial/partial-blob.ts'
import { temporaryFolders } from '../support/files/temporary-folder.ts'
import { runSeed, seededRandom } from '../support/random/seeded-random.ts'
import { children } from './child.ts'
import { sampleBlob } from './sample-blob.ts'

const temporaryFolder = temporaryFolders()
const startChild = children()
const SIZE = 30 * 2 ** 20 + 77
const KILLS = 15

test('a writer killed at any instant loses no piece that it said was committed, and none is wrong', async () => {
  const seed = runSeed()
  process.stderr.write(`kill test: DFHF_TEST_SEED=${seed}\n`)
  const random = seededRandom(seed)
  const blob = sampleBlob(SIZE)
  let folder = temporaryFolder()
  const committed = new Set<number>()
  for (let kill = 0; kill < KILLS; kill += 1) {
    const child = startChild(
      process.execPath,
      join(import.meta.dir, 'writer-child.ts'),
      folder,
      String(SIZE),
      String(seed + kill),
    )
    const lines = 1 + Math.floor(random() * 8)
    for (let line = 0; line < lines; line += 1) {
      const text = await child.nextLine()
      if (/^\d+$/.test(text)) committed.add(Number(text))
      if (text === 'published') break
    }
    child.kill('SIGKILL')
    await child.exited
    if (readdirSync(folder).includes(blob.oid)) {
      expect(readFileSync(join(folder, blob.oid)).equals(blob.bytes)).toBe(true)
      folder = temporaryFolder()
      committed.clear()
      continue
    }
    await using file = await openPartialBlob({
      folder,
      oid: blob.oid,
      size: SIZE,
      finalPath: join(folder, blob.oid),
    })
    for (const index of committed) expect(file.pieces.has(index)).toBe(true)
    for (const index of file.pieces) {
      const { start, end } = pieceRange(SIZE, index)
      const bytes = Buffer.from(await file.read(start, end - start))
      expect(bytes.equals(blob.bytes.subarray(start, end))).toBe(true)
    }
    expect(file.pieces.count).toBeLessThanOrEqual(pieceCountOf(SIZE))
    expect(readdirSync(folder)).toHaveLength(2)
  }
}, 60_000)
