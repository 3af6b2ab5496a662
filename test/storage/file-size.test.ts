import { afterAll, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileSize, fileSizeNow } from '../../src/storage/files/file-size.ts'

const folder = mkdtempSync(join(tmpdir(), 'dfhf-file-size-'))
afterAll(() => rmSync(folder, { recursive: true }))
const at = (name: string) => join(folder, name)
writeFileSync(at('file'), '12345')
writeFileSync(at('empty'), '')
mkdirSync(at('folder'))
symlinkSync('file', at('link'))
symlinkSync('link', at('link of a link'))
symlinkSync('nothing', at('link to nothing'))
symlinkSync('folder', at('link to a folder'))
symlinkSync('loop', at('loop'))

test.each([
  ['file', 5],
  ['empty', 0],
  ['link', 5],
  ['link of a link', 5],
  ['folder', undefined],
  ['link to a folder', undefined],
  ['link to nothing', undefined],
  ['loop', undefined],
  ['nothing', undefined],
  ['nothing/below', undefined],
  ['file/below', undefined],
  ['n'.repeat(300), undefined],
  ['a\0b', undefined],
])('the size of %p is %p, whether or not the thread waits for it', async (name, size) => {
  expect(await fileSize(at(name))).toBe(size as number)
  expect(fileSizeNow(at(name))).toBe(size as number)
})
