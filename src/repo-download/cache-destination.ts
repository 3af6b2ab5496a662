import { dirname } from 'node:path'
import type { Commit } from '../blob/oid.ts'
import { pieceRange } from '../blob/pieces.ts'
import type { FileRef, ListedFile, PlacedFile } from '../repo/file-ref.ts'
import type { Repo } from '../repo/repo.ts'
import type { HfCache } from '../storage/cache/hf-cache.ts'
import type { WholeFile } from '../storage/cache/write-files.ts'
import type { DiskRoom } from '../storage/files/disk-room.ts'
import type { SpaceNeed } from '../storage/files/disk-space.ts'
import type { BlobFile } from '../transfer/writing/blob-file.ts'
import type { Destination, KnownFile } from './destination.ts'

/** The Hugging Face cache as the place where a repo's files go. */
export class CacheDestination implements Destination {
  readonly #cache: HfCache
  readonly #repo: Repo
  readonly #room: DiskRoom
  /** Blobs that this run published: without links they move into the first snapshot entry that wants them. */
  readonly #published = new Set<string>()

  constructor(cache: HfCache, repo: Repo, room: DiskRoom) {
    this.#cache = cache
    this.#room = room
    this.#repo = repo
  }

  readRef(revision: string): Promise<Commit | undefined> {
    return this.#cache.readRef(this.#repo, revision)
  }

  async findKnown(revision: string, path: string): Promise<KnownFile | undefined> {
    const commit = await this.readRef(revision)
    const found = commit && (await this.#cache.findFile(this.#repo, commit, path))
    return found === undefined || commit === undefined ? undefined : { commit, file: found }
  }

  /** The blob of a file, where it is in the cache with the right size. */
  findBlob(file: FileRef): Promise<string | undefined> {
    return this.#cache.findBlob(this.#repo, file.oid, file.size)
  }

  has(file: FileRef): Promise<boolean> {
    return this.#cache.has(this.#repo, file)
  }

  async place(file: FileRef): Promise<string | undefined> {
    const entry = await this.#findEntry(file)
    if (entry !== undefined) return entry
    return (await this.findBlob(file)) === undefined ? undefined : this.#link(file)
  }

  lock(
    file: FileRef,
    options: { readonly signal: AbortSignal; readonly onWait: (holder: string) => void },
  ): Promise<AsyncDisposable> {
    return this.#cache.lock(this.#repo, file.oid, options)
  }

  async openBlob(file: FileRef): Promise<BlobFile> {
    // A wrong blob stays beside the right one until that is whole.
    if (this.#cache.isMending)
      await this.#room.ensure([{ path: this.#cache.layout(this.#repo).blobs, size: file.size }])
    return withRoom(await this.#cache.openBlob(this.#repo, file.oid, file.size), this.#room)
  }

  writeBlob(file: FileRef, bytes: Uint8Array): Promise<string> {
    return this.#cache.writeBlob(this.#repo, file.oid, bytes)
  }

  writeFiles(files: readonly WholeFile[]): Promise<readonly (string | undefined)[]> {
    return this.#cache.writeFiles(this.#repo, files)
  }

  syncNames(): Promise<void> {
    return this.#cache.syncNames(this.#repo)
  }

  async spaceNeeded(files: readonly FileRef[]): Promise<readonly SpaceNeed[]> {
    return [await this.#cache.spaceNeeded(this.#repo, files)]
  }

  async ensureRoom(files: readonly FileRef[]): Promise<void> {
    await this.#room.ensure(await this.spaceNeeded(files))
  }

  async copyFrom(source: string, file: FileRef, signal: AbortSignal): Promise<string> {
    return this.finish(file, await this.#cache.copyBlob(source, this.#repo, file, signal))
  }

  finish(file: FileRef, _publishedPath: string): Promise<string> {
    this.#published.add(file.oid)
    return this.#link(file)
  }

  noteRevision(revision: string, commit: Commit): Promise<boolean> {
    return this.#cache.writeRef(this.#repo, revision, commit)
  }

  noteMissing(commit: Commit, path: string): Promise<void> {
    return this.#cache.markMissing(this.#repo, commit, path)
  }

  noteTree(commit: Commit, files: readonly ListedFile[]): Promise<void> {
    return this.#cache.writeTree(this.#repo, commit, files)
  }

  readTree(commit: Commit): Promise<ListedFile[] | undefined> {
    return this.#cache.readTree(this.#repo, commit)
  }

  listPlaced(commit: Commit): Promise<PlacedFile[] | undefined> {
    return this.#cache.listPlaced(this.#repo, commit)
  }

  folderOf(commit: Commit): string {
    return this.#cache.layout(this.#repo).snapshot(commit)
  }

  /** A file that another tool, or a crash, cut short does not count. */
  #findEntry(file: FileRef): Promise<string | undefined> {
    return this.#cache.findFile(this.#repo, file.commit, file.path, file.size)
  }

  #link(file: FileRef): Promise<string> {
    const isNew = this.#published.delete(file.oid)
    return this.#cache.linkFile(this.#repo, file.commit, file.path, file.oid, { isNew })
  }
}

/** Gives the blob back when the disk has room for what is missing of it; else closes it and throws `disk-full`. */
export async function withRoom(blob: BlobFile, room: DiskRoom): Promise<BlobFile> {
  try {
    await room.ensure([{ path: dirname(blob.path), size: missingSize(blob) }])
    return blob
  } catch (error) {
    await blob.close()
    throw error
  }
}

/** Bytes that still have to be written. */
function missingSize(blob: BlobFile): number {
  let present = 0
  for (const piece of blob.pieces) {
    const { start, end } = pieceRange(blob.size, piece)
    present += end - start
  }
  return blob.size - present
}
