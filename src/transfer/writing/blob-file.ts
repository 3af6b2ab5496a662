import type { Bitmap } from '../../blob/bitmap.ts'

/**
 * A blob on its way to disk: written out of order, read back while it grows, published under its final name
 * only when its content has been checked.
 */
export interface BlobFile {
  /** The whole blob's size in bytes. */
  readonly size: number
  /** Where the bytes stand now; changes when the blob is published. */
  readonly path: string
  /** Pieces that are on disk, those of an earlier run included. Owned by this object: `commit` and `revoke` change it. */
  readonly pieces: Bitmap
  /** Puts bytes at `offset`. Resolves when the system has them; rejects with `disk-full` or `disk`. */
  write(bytes: Uint8Array, offset: number): Promise<void>
  /** Reads exactly `length` bytes at `offset`; only bytes of committed pieces make sense. */
  read(offset: number, length: number): Promise<Uint8Array>
  /** Pieces of an earlier run whose bytes are no longer those that were written. Says nothing of whether these were right. */
  findRotten(): Promise<number[]>
  /** Records that all bytes of piece `index` are written: after a kill they need not be fetched again. */
  commit(index: number): Promise<void>
  /** Takes a piece back that was found to be wrong. */
  revoke(index: number): Promise<void>
  /** Moves the blob to its final name and returns that path. Called once, after the oid was checked. */
  publish(): Promise<string>
  /** Removes the partial file and its journal. */
  discard(): Promise<void>
  /** Releases descriptors and locks; what was committed stays for the next run. Safe to call twice. */
  close(): Promise<void>
  /** The same as `close`. */
  [Symbol.asyncDispose](): Promise<void>
}
