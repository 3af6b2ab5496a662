import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { parseOid } from '../../src/blob/oid.ts'
import {
  decodeJournal,
  JournalEncoder,
  type JournalRecord,
  type JournalSubject,
} from '../../src/storage/partial/journal-format.ts'

const subject: JournalSubject = {
  oid: parseOid('0123456789abcdef'.repeat(4)),
  size: 5_000_000_000_000,
  pieceSize: 2 ** 24,
  bootId: 'boot one',
}
const PIECES = 12

/** A history in which a checkpoint speaks of no more records than stand before it. */
const histories = fc
  .array(
    fc.tuple(
      fc.constantFrom('commit', 'commit', 'commit', 'revoke', 'checkpoint'),
      fc.nat({ max: PIECES - 1 }),
    ),
    { maxLength: 40 },
  )
  .map((steps) =>
    steps.map(
      ([kind, value], at): JournalRecord =>
        kind === 'checkpoint'
          ? { kind, records: at - Math.min(at, value) }
          : { kind: kind === 'revoke' ? 'revoke' : 'commit', index: value },
    ),
  )

function encode(records: readonly JournalRecord[], about = subject): Uint8Array {
  const encoder = new JournalEncoder()
  return Buffer.concat([encoder.header(about), ...records.map((record) => encoder.record(record))])
}

/** What is on disk after each prefix of a history, told in the plainest way. */
function present(records: readonly JournalRecord[]): Set<number> {
  const pieces = new Set<number>()
  for (const record of records) {
    if (record.kind === 'commit') pieces.add(record.index)
    if (record.kind === 'revoke') pieces.delete(record.index)
  }
  return pieces
}

function all(found: ReturnType<typeof decodeJournal>): number[] {
  return [...(found?.synced ?? []), ...(found?.unsynced ?? [])].sort((a, b) => a - b)
}

describe('a journal', () => {
  test('gives back what was written, whatever the history', () => {
    fc.assert(
      fc.property(histories, (records) => {
        const found = decodeJournal(encode(records), subject)
        expect(all(found)).toEqual([...present(records)].sort((a, b) => a - b))
      }),
    )
  })

  test('cut anywhere tells the state after some prefix of its records', () => {
    fc.assert(
      fc.property(histories, fc.double({ min: 0, max: 1, noNaN: true }), (records, part) => {
        const bytes = encode(records)
        const cut = bytes.subarray(0, Math.floor(bytes.length * part))
        const whole = Math.floor((cut.length - 88) / 16)
        const found = decodeJournal(cut, subject)
        if (whole < 0) expect(found).toBeUndefined()
        else expect(all(found)).toEqual([...present(records.slice(0, whole))].sort((a, b) => a - b))
      }),
    )
  })

  test('with flipped, swapped or appended bytes never vouches for a piece that was not on disk', () => {
    fc.assert(
      fc.property(
        histories,
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 8 }),
        fc.uint8Array({ maxLength: 64 }),
        (records, flips, tail) => {
          const bytes = Buffer.concat([encode(records), tail])
          for (const [at, mask] of flips) bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ mask
          const states = records.map((_, at) => all(decodeJournal(encode(records.slice(0, at + 1)), subject)))
          expect([[], ...states]).toContainEqual(all(decodeJournal(bytes, subject)))
        },
      ),
    )
  })

  test('with records out of their order tells only of those before', () => {
    const [a, b]: JournalRecord[] = [
      { kind: 'commit', index: 1 },
      { kind: 'commit', index: 2 },
    ]
    if (!a || !b) throw new Error('unreachable')
    const bytes = encode([a, b])
    const swapped = Buffer.concat([bytes.subarray(0, 88), bytes.subarray(104, 120), bytes.subarray(88, 104)])
    expect(all(decodeJournal(swapped, subject))).toEqual([])
  })

  test('trusts after another boot only what a checkpoint covers and nothing changed since', () => {
    fc.assert(
      fc.property(histories, (records) => {
        const later = { ...subject, bootId: 'boot two' }
        const found = decodeJournal(encode(records), later)
        const covered = Math.max(
          0,
          ...records.map((record) => (record.kind === 'checkpoint' ? record.records : 0)),
        )
        const touched = new Set(
          records.slice(covered).flatMap((r) => (r.kind === 'checkpoint' ? [] : [r.index])),
        )
        const expected = [...present(records.slice(0, covered))].filter((index) => !touched.has(index))
        expect(all(found)).toEqual(expected.sort((a, b) => a - b))
      }),
    )
  })

  test('of another blob, size or piece size says nothing', () => {
    const bytes = encode([{ kind: 'commit', index: 0 }])
    expect(decodeJournal(bytes, { ...subject, size: 7 })).toBeUndefined()
    expect(decodeJournal(bytes, { ...subject, pieceSize: 2 ** 20 })).toBeUndefined()
    expect(decodeJournal(bytes, { ...subject, oid: parseOid('f'.repeat(64)) })).toBeUndefined()
    expect(
      decodeJournal(bytes, { ...subject, oid: parseOid('0123456789abcdef'.repeat(4).slice(0, 40)) }),
    ).toBeUndefined()
  })
})
