import type { FileHandle } from 'node:fs/promises'
import { rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DfhfError, systemCode } from '../../base/errors.ts'
import { Bitmap } from '../../blob/bitmap.ts'
import type { Oid } from '../../blob/oid.ts'
import { PieceSums, sumOf } from '../../blob/piece-sums.ts'
import { pieceCountOf, pieceRange, pieceSizeOf } from '../../blob/pieces.ts'
import { readBootId } from '../files/boot-id.ts'
import { onDisk, toDiskError } from '../files/disk-error.ts'
import { isSameFile } from '../files/file-lock.ts'
import { syncFolder } from '../files/folder.ts'
import { syncFile } from '../files/sync-file.ts'
import { type ClaimedPartial, claimPartial } from './claim-partial.ts'
import { copyPieces, takeOver } from './copy-pieces.ts'
import type { KeptSums } from './kept-sums.ts'
import { PieceJournal, readPieceJournal, writeFully } from './piece-journal.ts'
import { placeBlob } from './place-blob.ts'
import { SyncPoint } from './sync-point.ts'

export interface PartialBlobOptions {
  /** The existing folder of the partial file; best on the file system of `finalPath`. */
  readonly folder: string
  /** How the partial file's name begins. @default the oid */
  readonly stem?: string
  readonly oid: Oid
  /** The whole blob's size in bytes. */
  readonly size: number
  /** The blob's name once it is published. */
  readonly finalPath: string
  /**
   * Bytes are on the medium before the final name appears, and pieces outlast a power loss. Without it a power loss
   * may leave a published file with holes. @default true
   */
  readonly durable?: boolean | undefined
  /** How many committed bytes make a sync in the background worth it. @default 128 MiB */
  readonly syncEverySize?: number | undefined
  /** Where the sums of the pieces are kept once the blob is published. @default nowhere */
  readonly sums?: KeptSums | undefined
  /**
   * For a blob that stands at `finalPath` and is wrong: begins with its bytes, but for pieces that their kept sums show to
   * be wrong. The file stays as it is until the right one takes its name. @default begins with what an earlier run left
   */
  readonly mending?: Mending | undefined
  /** Called after the blob stands under its final name, before publish resolves. */
  readonly onPublished?: ((path: string) => Promise<void>) | undefined
  /** Called once when the blob was closed. */
  readonly onClosed?: (() => Promise<void>) | undefined
}

/** What ends the reading of a wrong blob early. */
export interface Mending {
  readonly signal: AbortSignal
}

/** Opens the partial file of a blob, with the pieces that an earlier run left, to write the rest. Throws `disk`. */
export function openPartialBlob(options: PartialBlobOptions): Promise<PartialBlob> {
  return onDisk('open a partial file for', options.finalPath, () => PartialBlob.open(options))
}

/** A blob that grows in `<stem>.<8 hex>.dfhf.incomplete`; the transfer engine's BlobFile. */
export class PartialBlob implements AsyncDisposable {
  readonly size: number
  readonly pieces: Bitmap
  readonly #options: PartialBlobOptions
  readonly #claim: ClaimedPartial
  readonly #handle: FileHandle
  readonly #journal: PieceJournal | undefined
  readonly #syncPoint: SyncPoint | undefined
  readonly #sums: PieceSums
  /** What pieces of an earlier run added up to when they were written. */
  readonly #earlier: Map<number, number>
  /** What all pieces that are here add up to, as far as that is known. */
  readonly #known: Map<number, number>
  #path: string
  #state: 'open' | 'published' | 'discarded' | 'closed' = 'open'

  private constructor(
    options: PartialBlobOptions,
    claim: ClaimedPartial,
    pieces: Bitmap,
    journal: PieceJournal | undefined,
    earlier: ReadonlyMap<number, number> = new Map(),
  ) {
    this.size = options.size
    this.pieces = pieces
    this.#options = options
    this.#claim = claim
    this.#handle = claim.handle
    this.#journal = journal
    this.#earlier = new Map(earlier)
    this.#known = new Map(earlier)
    this.#sums = new PieceSums(options.size)
    this.#path = claim.path
    if (options.durable !== false && journal) {
      this.#syncPoint = new SyncPoint(claim.handle, journal, options.syncEverySize)
    }
  }

  static async open(options: PartialBlobOptions): Promise<PartialBlob> {
    const { folder, oid, stem = oid, size } = options
    const claim = await claimPartial(folder, stem)
    try {
      const pieces = new Bitmap(pieceCountOf(size))
      if (pieces.size < 2) {
        // To fetch a single piece anew takes less time than to check what an earlier run left of it.
        await cutTo(claim.handle, 0)
        return new PartialBlob(options, claim, pieces, undefined)
      }
      const subject = { oid, size, pieceSize: pieceSizeOf(size), bootId: await readBootId() }
      const left = (await readPieceJournal(claim.journalPath, subject)) ?? (await copyPieces(claim, subject))
      const found = options.mending
        ? await takeOver(claim.handle, left, { ...options, ...options.mending })
        : left
      const { size: present } = await claim.handle.stat()
      const isPresent = (index: number) => index < pieces.size && pieceRange(size, index).end <= present
      const trusted = {
        synced: found?.synced.filter(isPresent) ?? [],
        unsynced: found?.unsynced.filter(isPresent) ?? [],
        ...(found?.sums && { sums: found.sums }),
      }
      for (const index of [...trusted.synced, ...trusted.unsynced]) pieces.add(index)
      await cutTo(claim.handle, pieces.count === 0 ? 0 : size)
      const journal = await PieceJournal.start(claim.journalPath, subject, trusted)
      return new PartialBlob(options, claim, pieces, journal, trusted.sums)
    } catch (error) {
      const isEmpty = (await claim.handle.stat()).size === 0
      if (isEmpty) await rm(claim.path, { force: true }).catch(() => {})
      await claim.handle.close()
      throw error
    }
  }

  /** Where the bytes stand now: the partial file, or after publish the final one. */
  get path(): string {
    return this.#path
  }

  /** Puts bytes at `offset`; resolves when the system has them. Throws `disk-full` or `disk`. */
  async write(bytes: Uint8Array, offset: number): Promise<void> {
    this.#mustBeOpen()
    if (offset < 0 || offset + bytes.length > this.size) {
      throw new RangeError(`${bytes.length} bytes at ${offset} do not fit a blob of ${this.size}`)
    }
    try {
      await writeFully(this.#handle, bytes, offset)
    } catch (error) {
      throw toDiskError(error, 'write', this.#path, this.#missingSize())
    }
    this.#sums.wrote(bytes, offset)
  }

  /** Pieces of an earlier run whose bytes are not those that were written then. Reads them all. */
  async findRotten(): Promise<number[]> {
    const rotten: number[] = []
    for (const [index, sum] of this.#earlier) {
      if (!this.pieces.has(index)) continue
      const { start, end } = pieceRange(this.size, index)
      if (sumOf(await this.read(start, end - start)) !== sum) rotten.push(index)
    }
    return rotten
  }

  /** Reads exactly `length` bytes at `offset`, before and after publish. Throws `disk`. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length)
    for (let done = 0; done < length; ) {
      const { bytesRead } = await onDisk('read', this.#path, () =>
        this.#handle.read(bytes, done, length - done, offset + done),
      )
      if (bytesRead === 0) {
        throw new DfhfError('disk', `cannot read ${this.#path}: it ends ${length - done} bytes too early`)
      }
      done += bytesRead
    }
    return bytes
  }

  /** Records that piece `index` is written. Resolves when a kill can no longer lose it. */
  async commit(index: number): Promise<void> {
    this.#mustBeOpen()
    const { start, end } = pieceRange(this.size, index)
    const sum = this.#sums.take(index)
    await this.#journal?.append({ kind: 'commit', index, sum })
    this.#earlier.delete(index)
    this.#known.set(index, sum)
    this.pieces.add(index)
    this.#syncPoint?.committed(index, end - start)
  }

  /** Takes back a piece that was found to be wrong. */
  async revoke(index: number): Promise<void> {
    this.#mustBeOpen()
    this.pieces.delete(index)
    this.#known.delete(index)
    this.#syncPoint?.revoked(index)
    await this.#journal?.append({ kind: 'revoke', index })
  }

  /** Moves the checked blob to its final name and returns that. Throws `disk` when its bytes are not safely there. */
  async publish(): Promise<string> {
    this.#mustBeOpen()
    const { finalPath, durable = true, onPublished, sums, oid } = this.#options
    try {
      await this.#syncPoint?.settle()
      if (durable) await syncFile(this.#handle)
      const { size } = await this.#handle.stat()
      if (size !== this.size || !(await isSameFile(this.#handle, this.#path))) {
        throw new DfhfError('disk', `cannot publish ${finalPath}: another program changed ${this.#path}`, {
          hint: 'run the same command again',
        })
      }
      await this.#moveTo(finalPath)
      this.#state = 'published'
      this.#path = finalPath
      await this.#removeJournal()
      if (durable) await syncFolder(dirname(finalPath))
    } catch (error) {
      throw toDiskError(error, 'publish', finalPath, this.#missingSize())
    }
    if (this.#journal) await sums?.note(oid, this.size, this.#known)
    await onPublished?.(finalPath)
    return finalPath
  }

  /** Removes the partial file and its journal. */
  async discard(): Promise<void> {
    if (this.#state !== 'open') return
    this.#state = 'discarded'
    await onDisk('remove', this.#path, async () => {
      await this.#removeJournal()
      if (await isSameFile(this.#handle, this.#path)) await rm(this.#path, { force: true })
    })
  }

  /** Releases the descriptors and the claim. What was committed stays for the next run. Safe to call twice. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return
    const isWorthKeeping = this.#journal !== undefined && this.pieces.count > 0
    if (this.#state === 'open' && !isWorthKeeping) await this.discard().catch(() => {})
    const isUnfinished = this.#state === 'open'
    this.#state = 'closed'
    try {
      await this.#syncPoint?.settle().catch(() => {})
      await this.#journal?.close()
      if (isUnfinished) await this.#claim.giveBack()
    } finally {
      await this.#handle.close()
      await this.#options.onClosed?.()
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Onto another disk a file can only be copied. */
  async #moveTo(finalPath: string): Promise<void> {
    const { oid, durable } = this.#options
    try {
      await rename(this.#path, finalPath)
    } catch (error) {
      if (systemCode(error) !== 'EXDEV') throw error
      const expected = { oid, size: this.size }
      await placeBlob(this.#path, finalPath, { hardLink: false, durable, expected })
      await rm(this.#path, { force: true })
    }
  }

  async #removeJournal(): Promise<void> {
    if (this.#journal) await rm(this.#journal.path, { force: true })
  }

  #missingSize(): number {
    return Math.max(0, this.size - this.pieces.count * pieceSizeOf(this.size))
  }

  #mustBeOpen(): void {
    if (this.#state !== 'open') throw new TypeError(`the blob ${this.#path} is ${this.#state}`)
  }
}

/** Cuts a file to `size`; failures are ignored, as some file systems cannot, and a new file needs no cut. */
async function cutTo(handle: FileHandle, size: number): Promise<void> {
  if ((await handle.stat()).size > size) await handle.truncate(size)
}
