import { dirname } from 'node:path'
import type { FileRef } from '../repo/file-ref.ts'
import type { Repo } from '../repo/repo.ts'
import { CacheDestination } from '../repo-download/cache-destination.ts'
import { HfCache } from '../storage/cache/hf-cache.ts'
import type { WholeFile } from '../storage/cache/write-files.ts'
import type { DiskRoom } from '../storage/files/disk-room.ts'
import { SharedSync } from '../storage/files/shared-sync.ts'
import type { KeptSums } from '../storage/partial/kept-sums.ts'
import { openPartialBlob } from '../storage/partial/partial-blob.ts'
import { writeWhole } from '../storage/partial/write-whole.ts'
import type { BlobFile } from '../transfer/writing/blob-file.ts'
import type { BlobToCheck } from './cache-parts.ts'

/** The place in the store of one blob that is wrong: what is right of it goes into the one that takes its place. */
export class StoredBlobDestination extends CacheDestination {
  readonly #blob: BlobToCheck
  readonly #room: DiskRoom
  readonly #sums: KeptSums
  readonly #signal: AbortSignal

  constructor(
    blob: BlobToCheck & { readonly repo: Repo },
    parts: {
      readonly cacheDir: string
      readonly room: DiskRoom
      readonly sums: KeptSums
      readonly signal: AbortSignal
    },
  ) {
    super(new HfCache(parts.cacheDir), blob.repo, parts.room)
    this.#blob = blob
    this.#room = parts.room
    this.#sums = parts.sums
    this.#signal = parts.signal
  }

  /** A daemon that fetches the same blob writes to a file of its own. */
  override async lock(): Promise<AsyncDisposable> {
    return { async [Symbol.asyncDispose]() {} }
  }

  override async openBlob({ oid, size }: FileRef): Promise<BlobFile> {
    const { path: finalPath } = this.#blob
    const folder = dirname(finalPath)
    await this.#room.ensure([{ path: folder, size }])
    const mending = { signal: this.#signal }
    return openPartialBlob({ folder, oid, size, finalPath, sums: this.#sums, mending })
  }

  override async writeBlob({ oid }: FileRef, bytes: Uint8Array): Promise<string> {
    const { path: finalPath } = this.#blob
    await writeWhole({ bytes, folder: dirname(finalPath), stem: oid, finalPath }, new SharedSync())
    return finalPath
  }

  /** There is but one. */
  override async writeFiles(files: readonly WholeFile[]): Promise<readonly undefined[]> {
    return files.map(() => undefined)
  }

  override async finish(_file: FileRef, publishedPath: string): Promise<string> {
    return publishedPath
  }
}
