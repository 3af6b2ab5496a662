import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import {
  parseTreeCache,
  readTreeCache,
  type TreeEntry,
  treeCacheParts,
  writeTreeCache,
} from '../../src/storage/cache/tree-cache.ts'
import { temporaryFolders } from '../support/files/temporary-folder.ts'

const temporaryFolder = temporaryFolders()

const entries: TreeEntry[] = [
  { path: 'ü/ｆ.bin', size: 9, blobId: 'b1', lfs: { sha256: 's1', size: 9 }, xetHash: 'x1' },
  { path: '10', size: 1, blobId: 'b2' },
  { path: '9', size: 1, blobId: 'b3' },
  { path: '__proto__', size: 2, blobId: 'b4' },
  { path: '😀', size: 3, blobId: 'b5' },
]

const format = (list: readonly TreeEntry[]) => [...treeCacheParts(list)].join('')

describe('the list of files of a commit', () => {
  test('is the text that the Python client writes', () => {
    expect(format([])).toBe('{\n "format_version": 1,\n "files": {}\n}')
    expect(format(entries)).toBe(`{
 "format_version": 1,
 "files": {
  "10": {
   "size": 1,
   "blob_id": "b2"
  },
  "9": {
   "size": 1,
   "blob_id": "b3"
  },
  "__proto__": {
   "size": 2,
   "blob_id": "b4"
  },
  "\\u00fc/\\uff46.bin": {
   "size": 9,
   "blob_id": "b1",
   "lfs_sha256": "s1",
   "lfs_size": 9,
   "xet_hash": "x1"
  },
  "\\ud83d\\ude00": {
   "size": 3,
   "blob_id": "b5"
  }
 }
}`)
  })

  test.each([0, 1, 3, 60, 1000, 20_000])(
    'of %i files stands in its file to the last byte and no further',
    async (count) => {
      const path = join(temporaryFolder(), 'trees', 'list.json')
      const many = Array.from({ length: count }, (_, index) => ({
        path: `ü/${index}`,
        size: index,
        blobId: `b${index}`,
      }))
      await writeTreeCache(path, many)
      expect(readFileSync(path, 'utf8')).toBe(format(many))
      expect(await readTreeCache(path)).toHaveLength(count)
    },
  )

  test('comes back as it was written', () => {
    const entry = fc.record({ path: fc.string({ unit: 'grapheme' }), size: fc.nat(), blobId: fc.string() })
    fc.assert(
      fc.property(fc.uniqueArray(entry, { selector: ({ path }) => path }), (list) => {
        const found = new Map(parseTreeCache(format(list))?.map((one) => [one.path, one]))
        expect(found).toEqual(new Map(list.map((one) => [one.path, one])))
      }),
    )
    expect(parseTreeCache(format(entries))).toHaveLength(entries.length)
  })

  test.each([
    '',
    '{',
    'null',
    '[]',
    '{"format_version":2,"files":{}}',
    '{"format_version":1,"files":{"a":{}}}',
  ])('is ignored when it reads %j', (text) => {
    expect(parseTreeCache(text)).toBeUndefined()
  })
})
