import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { parseOid } from '../../src/blob/oid.ts'
import type { ListedFile } from '../../src/repo/file-ref.ts'
import {
  parseTreeCache,
  readTreeCache,
  treeCacheParts,
  writeTreeCache,
} from '../../src/storage/cache/tree-cache.ts'
import { temporaryFolders } from '../support/files/temporary-folder.ts'

const temporaryFolder = temporaryFolders()

/** The git id of a plain file, and what else its content is called by. */
function plain(digits: string) {
  const oid = parseOid(digits.padStart(40, '0'))
  return { oid, blobId: oid }
}

const [b1, b2, b3, b4, b5] = ['1', '2', '3', '4', '5'].map((digit) => digit.repeat(40))
const s1 = 'a'.repeat(64)
const entries: ListedFile[] = [
  { path: 'ü/ｆ.bin', size: 9, blobId: '1'.repeat(40), oid: parseOid(s1), xetHash: 'x1' },
  { path: '10', size: 1, ...plain('2'.repeat(40)) },
  { path: '9', size: 1, ...plain('3'.repeat(40)) },
  { path: '__proto__', size: 2, ...plain('4'.repeat(40)) },
  { path: '😀', size: 3, ...plain('5'.repeat(40)) },
]

const format = (list: readonly ListedFile[]) => [...treeCacheParts(list)].join('')

describe('the list of files of a commit', () => {
  test('is the text that the Python client writes', () => {
    expect(format([])).toBe('{\n "format_version": 1,\n "files": {}\n}')
    expect(format(entries)).toBe(`{
 "format_version": 1,
 "files": {
  "10": {
   "size": 1,
   "blob_id": "${b2}"
  },
  "9": {
   "size": 1,
   "blob_id": "${b3}"
  },
  "__proto__": {
   "size": 2,
   "blob_id": "${b4}"
  },
  "\\u00fc/\\uff46.bin": {
   "size": 9,
   "blob_id": "${b1}",
   "lfs_sha256": "${s1}",
   "lfs_size": 9,
   "xet_hash": "x1"
  },
  "\\ud83d\\ude00": {
   "size": 3,
   "blob_id": "${b5}"
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
        ...plain(`${index}`),
      }))
      await writeTreeCache(path, many)
      expect(readFileSync(path, 'utf8')).toBe(format(many))
      expect(await readTreeCache(path)).toHaveLength(count)
    },
  )

  test('comes back as it was written', () => {
    const entry = fc
      .record({
        path: fc.string({ unit: 'grapheme' }),
        size: fc.nat(),
        id: fc.stringMatching(/^[0-9a-f]{40}$/),
      })
      .map(({ id, ...file }) => ({ ...file, ...plain(id) }))
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
    '{"format_version":1,"files":{"a":{"size":1,"blob_id":"../x"}}}',
    `{"format_version":1,"files":{"a":{"size":1,"blob_id":"${b1}","lfs_sha256":"x","lfs_size":1}}}`,
  ])('is ignored when it reads %j', (text) => {
    expect(parseTreeCache(text)).toBeUndefined()
  })
})
