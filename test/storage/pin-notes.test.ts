import { expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isCommit } from '../../src/blob/oid.ts'
import { PinNotes } from '../../src/storage/store/pin-notes.ts'
import { temporaryFolders } from '../support/files/temporary-folder.ts'
import { sampleBlob } from './sample-blob.ts'

const temporaryFolder = temporaryFolders()
const commit = 'c'.repeat(40)
const { oid } = sampleBlob(1)

test('pins are remembered', async () => {
  const notes = new PinNotes(join(temporaryFolder(), 'state'))
  expect(await notes.read()).toEqual([])
  if (!isCommit(commit)) throw new Error('no commit')
  const note = { name: 'o/m@main', commit, oids: [oid] }
  await notes.write([note])
  expect(await notes.read()).toEqual([note])
})

test('what makes no sense is passed over', async () => {
  const folder = temporaryFolder()
  for (const text of [
    '',
    '{',
    '{}',
    'null',
    '[1,null,{"name":1}]',
    '[{"name":"a","commit":"x","oids":[]}]',
  ]) {
    writeFileSync(join(folder, 'pins.json'), text)
    expect(await new PinNotes(folder).read()).toEqual([])
  }
  const entry = { name: 'a', commit, oids: [oid, '../../etc', 3] }
  writeFileSync(join(folder, 'pins.json'), JSON.stringify([entry]))
  expect((await new PinNotes(folder).read())[0]?.oids).toEqual([oid])
})
