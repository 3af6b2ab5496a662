import { DfhfError } from '../base/errors.ts'
import { type Commit, isCommit } from '../blob/oid.ts'
import type { FileRef, ListedFile, PlacedFile } from '../repo/file-ref.ts'
import type { DiskRoom } from '../storage/files/disk-room.ts'
import type { SpaceNeed } from '../storage/files/disk-space.ts'
import type { LocalDir } from '../storage/local-dir/local-dir.ts'
import type { LocalRefs } from '../storage/local-dir/local-refs.ts'
import type { BlobFile } from '../transfer/writing/blob-file.ts'
import { type CacheDestination, withRoom } from './cache-destination.ts'
import type { Destination, KnownFile } from './destination.ts'

/** A folder of the user's own; what the cache has already is copied from there. */
export class LocalDirDestination implements Destination {
  readonly #folder: LocalDir
  readonly #cache: CacheDestination
  readonly #room: DiskRoom
  readonly #refs: LocalRefs | undefined

  constructor(
    folder: LocalDir,
    cache: CacheDestination,
    options: { readonly room: DiskRoom; readonly refs?: LocalRefs | undefined },
  ) {
    this.#folder = folder
    this.#cache = cache
    this.#room = options.room
    this.#refs = options.refs
  }

  /** As it was when it was last put here. Where only other clients did that, the commit that was put here last. */
  async readRef(revision: string): Promise<Commit | undefined> {
    const noted = await this.#refs?.read(revision)
    if (noted !== undefined) return noted
    const cached = await this.#cache.readRef(revision)
    if (cached !== undefined && (await this.readTree(cached)) !== undefined) return cached
    return (await this.#refs?.isKnown()) ? cached : ((await this.#folder.lastCommit()) ?? cached)
  }

  async findKnown(revision: string, path: string): Promise<KnownFile | undefined> {
    const found = isCommit(revision)
      ? await this.#folder.findFile(revision, path)
      : await this.#folder.findAny(path)
    return found === undefined ? undefined : { commit: isCommit(revision) ? revision : '', file: found }
  }

  async has(file: FileRef): Promise<boolean> {
    if ((await this.#folder.findUpToDate(file)) !== undefined) return true
    return (await this.#cache.findBlob(file)) !== undefined
  }

  async place(file: FileRef): Promise<string | undefined> {
    const present = await this.#folder.findUpToDate(file)
    if (present !== undefined) return present
    const cached = await this.#cache.findBlob(file)
    if (cached === undefined) return undefined
    try {
      return await this.#folder.copyFrom(cached, file)
    } catch (error) {
      // The cache's copy is wrong, so the file is fetched.
      if (error instanceof DfhfError && error.code === 'verification-failed') return undefined
      throw error
    }
  }

  lock(
    file: FileRef,
    options: { readonly signal: AbortSignal; readonly onWait: (holder: string) => void },
  ): Promise<AsyncDisposable> {
    return this.#folder.lock(file.path, options)
  }

  async openBlob(file: FileRef): Promise<BlobFile> {
    return withRoom(await this.#folder.openBlob(file), this.#room)
  }

  writeBlob(file: FileRef, bytes: Uint8Array): Promise<string> {
    return this.#folder.writeFile(file, bytes)
  }

  spaceNeeded(files: readonly FileRef[]): Promise<readonly SpaceNeed[]> {
    return this.#folder.spaceNeeded(files)
  }

  async ensureRoom(files: readonly FileRef[]): Promise<void> {
    await this.#room.ensure(await this.spaceNeeded(files))
  }

  copyFrom(source: string, file: FileRef, signal: AbortSignal): Promise<string> {
    return this.#folder.copyFrom(source, file, signal)
  }

  async finish(_file: FileRef, publishedPath: string): Promise<string> {
    return publishedPath
  }

  async noteRevision(revision: string, commit: Commit): Promise<boolean> {
    if (!isCommit(revision)) await this.#refs?.write(revision, commit)
    return true
  }

  async noteMissing(): Promise<void> {}

  noteTree(commit: Commit, files: readonly ListedFile[]): Promise<void> {
    return this.#folder.writeTree(commit, files)
  }

  async readTree(commit: Commit): Promise<ListedFile[] | undefined> {
    return (await this.#folder.readTree(commit)) ?? this.#cache.readTree(commit)
  }

  listPlaced(commit: Commit): Promise<PlacedFile[] | undefined> {
    return this.#folder.listPlaced(commit)
  }

  folderOf(): string {
    return this.#folder.layout.root
  }
}
