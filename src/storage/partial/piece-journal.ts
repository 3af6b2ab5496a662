import { type FileHandle, rename, rm } from 'node:fs/promises'
import { randomSuffix } from '../files/atomic-write.ts'
import { readBootId } from '../files/boot-id.ts'
import { toDiskError } from '../files/disk-error.ts'
import { createPlainFile, readPlainFile } from '../files/plain-file.ts'
import { syncFile } from '../files/sync-file.ts'
import {
  decodeJournal,
  decodeSums,
  isWrittenUnder,
  JournalEncoder,
  type JournalPieces,
  type JournalRecord,
  type JournalSubject,
} from './journal-format.ts'
import { temporaryJournalName } from './partial-name.ts'

/** A journal is a few kilobytes; a foreign file of any size must not fill the memory. */
const MAX_JOURNAL_SIZE = 64 * 2 ** 20
/** For one blob: far more than commits, checkpoints and revocations of each piece. */
const MAX_SIZE_BASE = 2 ** 20
const MAX_SIZE_A_PIECE = 256

/** What the journal at `path` vouches for; undefined without a whole one about this blob. */
export async function readPieceJournal(
  path: string,
  subject: JournalSubject,
): Promise<JournalPieces | undefined> {
  const pieceCount = Math.ceil(subject.size / subject.pieceSize)
  const maxSize = Math.min(MAX_JOURNAL_SIZE, MAX_SIZE_BASE + MAX_SIZE_A_PIECE * pieceCount)
  const bytes = await readPlainFile(path, maxSize)
  const pieces = bytes && decodeJournal(bytes, subject)
  return pieces && { ...pieces, sums: decodeSums(bytes, subject) }
}

/** True when this very kernel ran the process that began the journal. */
export async function isOfThisBoot(path: string): Promise<boolean> {
  const bytes = await readPlainFile(path, MAX_JOURNAL_SIZE).catch(() => undefined)
  return bytes !== undefined && isWrittenUnder(await readBootId(), bytes)
}

/** The journal of a partial blob, open for appending. Its owner holds the lock of the partial file. */
export class PieceJournal {
  readonly path: string
  readonly #handle: FileHandle
  #encoder: JournalEncoder
  #tail: Promise<void> = Promise.resolve()

  private constructor(path: string, handle: FileHandle, encoder: JournalEncoder) {
    this.path = path
    this.#handle = handle
    this.#encoder = encoder
  }

  /**
   * Starts a journal that vouches for `pieces` in place of the one that stands at `path`; the old one counts until
   * the new one is whole.
   */
  static async start(path: string, subject: JournalSubject, pieces: JournalPieces): Promise<PieceJournal> {
    const temporary = temporaryJournalName(path, randomSuffix())
    const encoder = new JournalEncoder()
    const parts = [encoder.header(subject)]
    const add = (record: JournalRecord) => parts.push(encoder.record(record))
    const commit = (index: number) => add({ kind: 'commit', index, sum: pieces.sums?.get(index) ?? 0 })
    for (const index of pieces.synced) commit(index)
    if (pieces.synced.length > 0) add({ kind: 'checkpoint', records: encoder.count })
    for (const index of pieces.unsynced) commit(index)
    const handle = await createPlainFile(temporary)
    try {
      await writeFully(handle, Buffer.concat(parts), 0)
      if (pieces.synced.length > 0) await syncFile(handle)
      await rename(temporary, path)
    } catch (error) {
      await handle.close()
      await rm(temporary, { force: true })
      throw error
    }
    return new PieceJournal(path, handle, encoder)
  }

  /** How many records it has; a checkpoint of so many covers all that was appended so far. */
  get count(): number {
    return this.#encoder.count
  }

  /** Adds a record; resolves when the system has it, which is enough against a kill. Throws `disk-full` or `disk`. */
  append(record: JournalRecord): Promise<void> {
    const appended = this.#tail.then(() => this.#write(record))
    this.#tail = appended.catch(() => {})
    return appended
  }

  /** Waits for what was appended and puts it on the medium. */
  async sync(): Promise<void> {
    await this.#tail
    await syncFile(this.#handle)
  }

  async close(): Promise<void> {
    await this.#tail
    await this.#handle.close()
  }

  async #write(record: JournalRecord): Promise<void> {
    const next = this.#encoder.fork()
    const bytes = next.record(record)
    try {
      // At its own offset, so that a record torn by a full disk is overwritten by the next attempt.
      await writeFully(this.#handle, bytes, this.#encoder.length)
    } catch (error) {
      throw toDiskError(error, 'write', this.path)
    }
    this.#encoder = next
  }
}

/** Writes all of `bytes` at `offset`, however many calls the system needs. */
export async function writeFully(handle: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  let done = 0
  while (done < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, offset + done)
    done += bytesWritten
  }
}
