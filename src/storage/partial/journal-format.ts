import { createHash } from 'node:crypto'
import type { Oid } from '../../blob/oid.ts'

const MAGIC = 'dfhfjrnl'
const VERSION = 1
const HEADER_SIZE = 88
const BOOT_OFFSET = 64
const BOOT_SIZE = 16
const RECORD_SIZE = 16
const SUM_SIZE = 8
const COMMIT = 1
const REVOKE = 2
const CHECKPOINT = 3

/** What a journal is about; one of another blob, or cut in other pieces, says nothing. */
export interface JournalSubject {
  readonly oid: Oid
  readonly size: number
  readonly pieceSize: number
  /** See readBootId. */
  readonly bootId: string
}

/**
 * One step in a blob's life. A commit may hold the sum of the piece, see PieceSums. A checkpoint says that the bytes
 * behind the first `records` records are on the medium itself, not only in the page cache.
 */
export type JournalRecord =
  | { readonly kind: 'commit'; readonly index: number; readonly sum?: number }
  | { readonly kind: 'revoke'; readonly index: number }
  | { readonly kind: 'checkpoint'; readonly records: number }

/** The pieces that a journal vouches for. */
export interface JournalPieces {
  /** On the medium at the last checkpoint. */
  readonly synced: readonly number[]
  /** Written since then: whole after a kill, but perhaps lost with the power. */
  readonly unsynced: readonly number[]
  /** What their bytes add up to, where that is known; see `decodeSums`. */
  readonly sums?: ReadonlyMap<number, number>
}

/**
 * Encodes a journal: the header first, then one record after the other. Each checksum covers all before it, so
 * that a record counts only where it was written.
 */
export class JournalEncoder {
  #sum: Uint8Array = new Uint8Array(SUM_SIZE)
  #count = 0

  /** How many records have been encoded. */
  get count(): number {
    return this.#count
  }

  /** How many bytes the header and the records take. */
  get length(): number {
    return HEADER_SIZE + this.#count * RECORD_SIZE
  }

  header(subject: JournalSubject): Uint8Array {
    const bytes = new Uint8Array(HEADER_SIZE)
    const view = new DataView(bytes.buffer)
    const oid = Buffer.from(subject.oid, 'hex')
    bytes.set(Buffer.from(MAGIC), 0)
    view.setUint32(8, VERSION)
    view.setUint32(12, subject.pieceSize)
    view.setBigUint64(16, BigInt(subject.size))
    bytes[24] = oid.length
    bytes.set(oid, 32)
    bytes.set(bootMark(subject.bootId), BOOT_OFFSET)
    return this.#seal(bytes)
  }

  record(record: JournalRecord): Uint8Array {
    const bytes = new Uint8Array(RECORD_SIZE)
    const view = new DataView(bytes.buffer)
    bytes[0] = record.kind === 'commit' ? COMMIT : record.kind === 'revoke' ? REVOKE : CHECKPOINT
    // Three bytes of the word are the sum's, which leaves the kind where it is.
    if (record.kind === 'commit') view.setUint32(0, (COMMIT << 24) | (record.sum ?? 0))
    view.setUint32(4, record.kind === 'checkpoint' ? record.records : record.index)
    this.#count += 1
    return this.#seal(bytes)
  }

  /** An independent copy at this point, to go back to when a write fails. */
  fork(): JournalEncoder {
    const copy = new JournalEncoder()
    copy.#sum = this.#sum
    copy.#count = this.#count
    return copy
  }

  #seal(bytes: Uint8Array): Uint8Array {
    const end = bytes.length - SUM_SIZE
    this.#sum = chain(this.#sum, bytes.subarray(0, end))
    bytes.set(this.#sum, end)
    return bytes
  }
}

/**
 * Reads a journal as far as it is whole; what follows a torn or damaged record does not count. Undefined when the
 * header is damaged or tells of another blob. Written under another boot, only synced pieces count.
 */
export function decodeJournal(bytes: Uint8Array, subject: JournalSubject): JournalPieces | undefined {
  const records = readRecords(bytes, subject)
  if (!records) return undefined
  const committedBy = new Map<number, number>()
  let covered = 0
  for (const [count, { kind, value }] of records.entries()) {
    if (kind === COMMIT) committedBy.set(value, count)
    if (kind === REVOKE) committedBy.delete(value)
    if (kind === CHECKPOINT) covered = Math.max(covered, value)
  }
  const isSameBoot = isWrittenUnder(subject.bootId, bytes)
  // The sums are no signature: any user who may write to the folder can make a journal of any pieces.
  const isPiece = ([index]: [number, number]) => index * subject.pieceSize < subject.size
  const indices = [...committedBy].filter(isPiece).sort(([a], [b]) => a - b)
  return {
    synced: indices.filter(([, count]) => count < covered).map(([index]) => index),
    unsynced: isSameBoot ? indices.filter(([, count]) => count >= covered).map(([index]) => index) : [],
  }
}

/** The sums that a journal tells of its pieces. */
export function decodeSums(bytes: Uint8Array, subject: JournalSubject): ReadonlyMap<number, number> {
  const sums = new Map<number, number>()
  for (const { kind, value, sum } of readRecords(bytes, subject) ?? []) {
    if (kind !== COMMIT || sum === 0) sums.delete(value)
    else sums.set(value, sum)
  }
  return sums
}

interface RawRecord {
  readonly kind: number
  readonly value: number
  readonly sum: number
}

/** The records up to the first that is torn or damaged; undefined when the header is, or tells of another blob. */
function readRecords(bytes: Uint8Array, subject: JournalSubject): readonly RawRecord[] | undefined {
  const expected = new JournalEncoder().header(subject)
  const header = bytes.subarray(0, HEADER_SIZE)
  if (
    header.length < HEADER_SIZE ||
    !isEqual(header.subarray(0, BOOT_OFFSET), expected.subarray(0, BOOT_OFFSET))
  )
    return undefined
  let sum = chain(new Uint8Array(SUM_SIZE), header.subarray(0, HEADER_SIZE - SUM_SIZE))
  if (!isEqual(sum, header.subarray(HEADER_SIZE - SUM_SIZE))) return undefined
  const records: RawRecord[] = []
  for (let at = HEADER_SIZE; at + RECORD_SIZE <= bytes.length; at += RECORD_SIZE) {
    const record = bytes.subarray(at, at + RECORD_SIZE)
    sum = chain(sum, record.subarray(0, RECORD_SIZE - SUM_SIZE))
    if (!isEqual(sum, record.subarray(RECORD_SIZE - SUM_SIZE))) break
    const view = new DataView(record.buffer, record.byteOffset)
    const word = view.getUint32(0)
    records.push({ kind: word >>> 24, value: view.getUint32(4), sum: word & 0xff_ff_ff })
  }
  return records
}

/** Whether a journal was begun under the boot of this name, as far as its header tells. */
export function isWrittenUnder(bootId: string, journal: Uint8Array): boolean {
  return isEqual(journal.subarray(BOOT_OFFSET, BOOT_OFFSET + BOOT_SIZE), bootMark(bootId))
}

function bootMark(bootId: string): Uint8Array {
  return createHash('sha256').update(bootId).digest().subarray(0, BOOT_SIZE)
}

function chain(sum: Uint8Array, bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(sum).update(bytes).digest().subarray(0, SUM_SIZE)
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0
}
