import { lstat, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DfhfError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { Commit } from '../../blob/oid.ts'
import type { FileRef, ListedFile, PlacedFile } from '../../repo/file-ref.ts'
import { writeCachedirTag } from '../cache/cachedir-tag.ts'
import { readTreeCache, writeTreeCache } from '../cache/tree-cache.ts'
import { onDisk, unlessMissing } from '../files/disk-error.ts'
import { deviceOf, type SpaceNeed } from '../files/disk-space.ts'
import { acquireFileLock, FileLock, type FileLockOptions } from '../files/file-lock.ts'
import { makeFolderInside, makeParentInside } from '../files/folder.ts'
import type { HashFile } from '../files/hash-file.ts'
import { KnownFolders } from '../files/known-folders.ts'
import { SharedSync } from '../files/shared-sync.ts'
import { openPartialBlob, type PartialBlob } from '../partial/partial-blob.ts'
import { placeBlob } from '../partial/place-blob.ts'
import { missingSize, removeLostPartials, removeOrphanJournals } from '../partial/stale-partials.ts'
import { writeWhole } from '../partial/write-whole.ts'
import { LocalLayout } from './local-layout.ts'
import { readLocalMetadata, writeLocalMetadata } from './local-metadata.ts'
import { lastCommit, listNoted } from './noted-files.ts'

export interface LocalDirOptions {
  readonly hashFile: HashFile
  readonly log?: Log | undefined
  /** See PartialBlobOptions. @default true */
  readonly durable?: boolean | undefined
}

/** A user's own folder with plain files, and huggingface_hub's notes on them under `.cache/huggingface`. */
export class LocalDir {
  readonly layout: LocalLayout
  readonly #options: LocalDirOptions
  readonly #folders = new KnownFolders()
  readonly #sync = new SharedSync()
  #isPrepared = false
  /** The folder in which a repo's author may have made links; undefined where only the user can have. */
  #content: string | undefined

  /** `root` need not exist; it is made when something is written. */
  constructor(root: string, options: LocalDirOptions) {
    this.layout = new LocalLayout(root)
    this.#options = options
  }

  /** The path of a file that was put there from `commit` and not changed since; needs no network. */
  async findFile(commit: Commit, path: string): Promise<string | undefined> {
    const file = this.layout.file(path)
    const metadata = await readLocalMetadata(this.layout.metadata(path), file)
    return metadata?.commit === commit ? file : undefined
  }

  /**
   * The path of a file that holds the wanted content: by its metadata, or where those are absent or stale by its
   * hash. The metadata then name the wanted commit.
   */
  async findUpToDate(wanted: FileRef, signal?: AbortSignal): Promise<string | undefined> {
    const file = this.layout.file(wanted.path)
    const stats = await stat(file).catch(() => undefined)
    if (!stats?.isFile() || stats.size !== wanted.size) return undefined
    const metadata = await readLocalMetadata(this.layout.metadata(wanted.path), file)
    if (metadata?.commit === wanted.commit && metadata.etag === wanted.oid) return file
    const isSame =
      metadata === undefined
        ? await this.#options.hashFile(file, wanted.oid, wanted.size, signal)
        : metadata.etag === wanted.oid
    if (!isSame) return undefined
    await this.#note(wanted)
    const stem = this.layout.partialStem(wanted.path, wanted.oid)
    await removeOrphanJournals(await this.#scratchOf(wanted.path), stem).catch(() => {})
    return file
  }

  /** The path of the file that stands there, of any content: it serves when the Hub cannot be asked. */
  async findAny(path: string): Promise<string | undefined> {
    const file = this.layout.file(path)
    const stats = await stat(file).catch(() => undefined)
    return stats?.isFile() ? file : undefined
  }

  /** Opens a file for writing, with what an earlier run left of it. Publishing replaces the old file and notes it. */
  async openBlob(wanted: FileRef): Promise<PartialBlob> {
    const finalPath = await this.#makeRoom(wanted)
    return openPartialBlob({
      folder: await this.#scratchOf(wanted.path),
      stem: this.layout.partialStem(wanted.path, wanted.oid),
      oid: wanted.oid,
      size: wanted.size,
      finalPath,
      durable: this.#options.durable,
      onPublished: () => this.#note(wanted),
    })
  }

  /** Puts a file whose content is whole and checked at its place, in place of the old one, and notes it. */
  async writeFile(wanted: FileRef, bytes: Uint8Array): Promise<string> {
    const finalPath = await this.#makeRoom(wanted)
    const folder = await this.#scratchOf(wanted.path)
    const stem = this.layout.partialStem(wanted.path, wanted.oid)
    const sync = this.#options.durable === false ? undefined : this.#sync
    const clean = () => removeLostPartials(folder).catch(() => {})
    await this.#folders.within(folder, clean, () => writeWhole({ bytes, folder, stem, finalPath }, sync))
    await this.#note(wanted)
    return finalPath
  }

  /** Copies a checked blob into place: by reflink where that works, never as a second name, since users edit here. */
  async copyFrom(source: string, wanted: FileRef, signal?: AbortSignal): Promise<string> {
    const file = await this.#makeRoom(wanted)
    const scratch = await this.#scratchOf(wanted.path)
    const { durable, hashFile } = this.#options
    // Another tool may have put the source there, and dfhf may never have read it.
    await placeBlob(source, file, { hardLink: false, scratch, durable, signal, expected: wanted, hashFile })
    await this.#note(wanted)
    return file
  }

  /** Takes the lock that every client of this folder takes while it brings the file. */
  async lock(path: string, options: FileLockOptions = {}): Promise<FileLock> {
    const lock = this.layout.lock(path)
    try {
      await this.#prepare()
      await this.#makeParent(lock)
    } catch {
      return new FileLock()
    }
    return acquireFileLock(lock, options)
  }

  /** All files of a commit, where dfhf or another client kept their list. */
  readTree(commit: Commit): Promise<ListedFile[] | undefined> {
    return readTreeCache(this.layout.tree(commit))
  }

  /** Keeps the list of all files of a commit. */
  async writeTree(commit: Commit, entries: readonly ListedFile[]): Promise<void> {
    await this.#prepare()
    await this.#makeParent(this.layout.tree(commit))
    await writeTreeCache(this.layout.tree(commit), entries)
  }

  /** The commit whose list of files, or else whose newest file, was noted last. */
  lastCommit(): Promise<Commit | undefined> {
    return lastCommit(this.layout)
  }

  /** The files that were put here from a commit and not changed since; undefined when there are none. */
  listPlaced(commit: Commit): Promise<PlacedFile[] | undefined> {
    return listNoted(this.layout, commit)
  }

  /** Bytes that still have to be written of files that are not here, by the folders that they go to. */
  async spaceNeeded(wanted: readonly FileRef[]): Promise<SpaceNeed[]> {
    const folders = new Map<string, Map<string, number>>()
    for (const { path, oid, size } of wanted) {
      const folder = await this.#scratchOf(path)
      const sizes = folders.get(folder) ?? new Map<string, number>()
      folders.set(folder, sizes.set(this.layout.partialStem(path, oid), size))
    }
    return Promise.all(
      [...folders].map(async ([path, sizes]) => ({ path, size: await missingSize(path, sizes) })),
    )
  }

  /** Notes a file, which saves reading it the next time. The file is complete without it, so a failure is only logged. */
  async #note(wanted: FileRef): Promise<void> {
    const metadata = this.layout.metadata(wanted.path)
    const what = { commit: wanted.commit, etag: wanted.oid }
    try {
      await this.#prepare()
      await this.#makeParent(metadata)
      await onDisk('write', metadata, () => writeLocalMetadata(metadata, this.layout.file(wanted.path), what))
    } catch (error) {
      if (!(error instanceof DfhfError)) throw error
      this.#options.log?.debug(`${error.message}; it is not kept`)
    }
  }

  async #makeRoom(wanted: FileRef): Promise<string> {
    const file = this.layout.file(wanted.path)
    await this.#prepare()
    await this.#makeParent(file)
    await this.#makeParent(this.layout.metadata(wanted.path))
    const stats = await lstat(file).catch(() => undefined)
    // Fails now rather than after the download.
    if (stats?.isDirectory()) throw new DfhfError('disk', `cannot write ${file}: a folder stands there`)
    return file
  }

  #makeParent(path: string): Promise<void> {
    return makeParentInside(this.layout.root, path, this.#content)
  }

  /** Where partial files stand: among the notes, except where a link or a mount puts the file itself on another disk. */
  async #scratchOf(path: string): Promise<string> {
    const [notes, folder] = [dirname(this.layout.metadata(path)), dirname(this.layout.file(path))]
    const [a, b] = await Promise.all([deviceOf(notes), deviceOf(folder)])
    return a === b ? notes : folder
  }

  async #prepare(): Promise<void> {
    if (this.#isPrepared) return
    const { root, state } = this.layout
    // In a git clone the author of the repo may have made the links.
    const isClone = (await unlessMissing(lstat(join(root, '.git'))).catch(() => undefined)) !== undefined
    this.#content = isClone ? root : undefined
    await makeFolderInside(root, state, this.#content)
    await writeCachedirTag(state)
    // Keeps the notes out of a repository that the folder may be part of; Python writes no newline.
    await writeFile(join(state, '.gitignore'), '*', { flag: 'wx' }).catch(() => {})
    this.#isPrepared = true
  }
}
