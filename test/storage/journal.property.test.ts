import { expect, test } from 'bun:test'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { pieceCountOf, pieceSizeOf } from '../../src/blob/pieces.ts'
import { readBootId } from '../../src/storage/files/boot-id.ts'
import {
  decodeJournal,
  decodeSums,
  JournalEncoder,
  type JournalRecord,
} from '../../src/storage/partial/journal-format.ts'
import { openPartialBlob } from '../../src/storage/partial/partial-blob.ts'
import { temporaryFolders } from '../support/files/temporary-folder.ts'
import { sampleBlob } from './sample-blob.ts'

const newFolder = temporaryFolders()
const size = 3 * 2 ** 20 + 7
const blob = sampleBlob(size)
const subject = { oid: blob.oid, size, pieceSize: pieceSizeOf(size), bootId: await readBootId() }
const index = fc.oneof(fc.nat(4), fc.nat(2 ** 32 - 1))
const record: fc.Arbitrary<JournalRecord> = fc.oneof(
  fc.record({ kind: fc.constant('commit' as const), index, sum: fc.nat(2 ** 24 - 1) }),
  fc.record({ kind: fc.constant('revoke' as const), index }),
  fc.record({ kind: fc.constant('checkpoint' as const), records: index }),
)

/** A journal that another program could have made: right in form, whatever it says, and perhaps damaged. */
const journals = fc
  .tuple(
    fc.array(record, { maxLength: 20 }),
    fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 2 }),
    fc.uint8Array({ maxLength: 40 }),
  )
  .map(([records, flips, tail]) => {
    const encoder = new JournalEncoder()
    const bytes = Buffer.concat([
      encoder.header(subject),
      ...records.map((each) => encoder.record(each)),
      tail,
    ])
    for (const [at, value] of flips) bytes[at % bytes.length] = value
    return bytes
  })

test('any bytes are a journal of pieces that the blob has, or none', () => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), journals), (bytes) => {
      const found = decodeJournal(bytes, subject)
      const pieces = [...(found?.synced ?? []), ...(found?.unsynced ?? [])]
      expect(new Set(pieces).size).toBe(pieces.length)
      for (const piece of pieces) expect(piece).toBeLessThan(pieceCountOf(size))
      decodeSums(bytes, subject)
    }),
    { numRuns: 2_000 },
  )
})

test('a blob is opened beside any journal, of its own name or of another process', async () => {
  await fc.assert(
    fc.asyncProperty(journals, fc.nat(size), fc.boolean(), async (journal, present, isOther) => {
      const folder = newFolder()
      const stem = isOther ? `${blob.oid}.0123456789abcdef` : blob.oid
      await writeFile(join(folder, `${stem}.dfhf.incomplete`), blob.bytes.subarray(0, present))
      await writeFile(join(folder, `${stem}.dfhf-journal.incomplete`), journal)
      await using file = await openPartialBlob({
        folder,
        oid: blob.oid,
        size,
        finalPath: join(folder, blob.oid),
        durable: false,
      })
      for (const piece of file.pieces)
        expect(Math.min(size, (piece + 1) * subject.pieceSize)).toBeLessThanOrEqual(present)
    }),
    { numRuns: 100 },
  )
}, 60_000)
