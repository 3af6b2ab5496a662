import { dirname, join } from 'node:path'
import { BoundedMap } from '../../base/bounded-map.ts'
import { type Commit, isCommit, type Oid } from '../../blob/oid.ts'
import type { FileRef, ListedFile, PlacedFile } from '../../repo/file-ref.ts'
import type { Repo } from '../../repo/repo.ts'
import { onDisk } from '../files/disk-error.ts'
import { existing, type SpaceNeed } from '../files/disk-space.ts'
import { acquireFileLock, FileLock, type FileLockOptions } from '../files/file-lock.ts'
import { fileSize, fileSizeNow } from '../files/file-size.ts'
import { makeFolderInside, makeParentInside } from '../files/folder.ts'
import { KnownFolders } from '../files/known-folders.ts'
import { isLocalDisk } from '../files/local-disk.ts'
import { makeEmptyFile } from '../files/plain-file.ts'
import { SharedSync } from '../files/shared-sync.ts'
import type { KeptSums } from '../partial/kept-sums.ts'
import { type Mending, openPartialBlob, type PartialBlob } from '../partial/partial-blob.ts'
import { placeBlob } from '../partial/place-blob.ts'
import {
  missingSize,
  removeLostPartials,
  removeOrphanJournals,
  removeStalePartials,
} from '../partial/stale-partials.ts'
import { writeWhole } from '../partial/write-whole.ts'
import { linkTarget, RepoLayout } from './cache-layout.ts'
import { writeCachedirTag } from './cachedir-tag.ts'
import { listPlaced } from './placed-files.ts'
import { readRefFile, writeRefFile } from './ref-file.ts'
import { fillEntry, linkEntry } from './snapshot-entry.ts'
import { readTreeCache, writeTreeCache } from './tree-cache.ts'
import { FilesWriter, type WholeFile } from './write-files.ts'

/** How old a partial file must be to be taken for abandoned. */
const STALE_AFTER_MS = 30 * 24 * 3600 * 1000
/** So many folders are remembered, and so many repos. */
const MOST_FOLDERS = 1_000

export interface HfCacheOptions {
  /** Put files into snapshots, not links (HF_HUB_DISABLE_SYMLINKS). @default false */
  readonly disableSymlinks?: boolean | undefined
  /** See PartialBlobOptions. @default true */
  readonly durable?: boolean | undefined
  /** See PartialBlobOptions. */
  readonly sums?: KeptSums | undefined
  /** See PartialBlobOptions. */
  readonly mending?: Mending | undefined
}

/** The Hugging Face cache below `root`, in huggingface_hub's own layout. */
export class HfCache {
  readonly root: string
  readonly #options: HfCacheOptions
  readonly #folders = new KnownFolders()
  readonly #sync = new SharedSync()
  /** Folders of snapshots from which relative links were found to lead to the blobs. */
  readonly #straightFolders = new BoundedMap<string, true>(MOST_FOLDERS)
  /** Whether no other machine has a part in a repo's folder. */
  readonly #isLocal = new BoundedMap<string, boolean>(MOST_FOLDERS)
  readonly #writer: FilesWriter
  #hasNoLinks: boolean
  #isPrepared = false

  /** `root` need not exist; it is made when something is written. */
  constructor(root: string, options: HfCacheOptions = {}) {
    this.root = root
    this.#options = options
    this.#hasNoLinks = options.disableSymlinks ?? false
    this.#writer = new FilesWriter({
      root,
      isDurable: options.durable !== false,
      straightFolders: this.#straightFolders,
    })
  }

  /** The commit that `revision` pointed at when it was last resolved; a commit is its own. */
  async readRef(repo: Repo, revision: string): Promise<Commit | undefined> {
    if (isCommit(revision)) return revision
    return readRefFile(this.layout(repo).ref(revision))
  }

  /**
   * Notes what `revision` points at. The snapshot's folder comes first: a ref without one makes a repo look broken.
   * False where another revision's name is in the way: `dev` and `dev/x` cannot both be files.
   */
  async writeRef(repo: Repo, revision: string, commit: Commit): Promise<boolean> {
    const layout = this.layout(repo)
    await this.#makeFolder(layout.snapshot(commit))
    if (isCommit(revision)) return true
    const { refs } = layout
    return writeRefFile(refs, layout.ref(revision), commit, (path) => makeParentInside(this.root, path))
  }

  /** The snapshot path of a file that is there, with the expected size where it is known, or undefined. */
  async findFile(repo: Repo, commit: Commit, path: string, size?: number): Promise<string | undefined> {
    const entry = this.layout(repo).entry(commit, path)
    return (await hasSize(entry, size)) ? entry : undefined
  }

  /** The path of a blob that is there with the expected size, or undefined. It may be a link into a shared store. */
  async findBlob(repo: Repo, oid: Oid, size?: number): Promise<string | undefined> {
    const path = this.layout(repo).blob(oid)
    return (await hasSize(path, size)) ? path : undefined
  }

  /** True where a file is here with its size, by its content or by its name in the snapshot; made for thousands of questions. */
  async has(repo: Repo, { commit, path, oid, size }: FileRef): Promise<boolean> {
    const layout = this.layout(repo)
    const sizeAt =
      (this.#isLocal.get(layout.folder) ?? (await this.#findLocal(layout))) ? fileSizeNow : fileSize
    return (await sizeAt(layout.blob(oid))) === size || (await sizeAt(layout.entry(commit, path))) === size
  }

  /**
   * Makes the snapshot's entry for a blob that is in the cache and returns its path. `isNew` says that this run
   * published the blob: without links it moves into the snapshot.
   */
  async linkFile(
    repo: Repo,
    commit: Commit,
    path: string,
    oid: Oid,
    options: { readonly isNew?: boolean } = {},
  ): Promise<string> {
    const layout = this.layout(repo)
    const entry = layout.entry(commit, path)
    const blob = layout.blob(oid)
    const make = async () => {
      await this.#prepare()
      await makeParentInside(this.root, entry, layout.snapshot(commit))
    }
    const link = async () => {
      if (!this.#hasNoLinks && (await linkEntry(entry, linkTarget(path, oid), layout.blobs))) {
        // Where a link puts the snapshots on another disk than the blobs, the usual relative link leads nowhere.
        const folder = dirname(entry)
        if (this.#straightFolders.has(folder)) return
        if ((await fileSize(entry)) !== undefined) this.#straightFolders.set(folder, true)
        else if ((await fileSize(blob)) !== undefined) await linkEntry(entry, blob, layout.blobs)
        return
      }
      this.#hasNoLinks = true
      await fillEntry(entry, blob, layout.blobs, options.isNew ?? false)
    }
    await onDisk('write', entry, () => this.#folders.within(dirname(entry), make, link))
    if (!options.isNew) await removeOrphanJournals(layout.blobs, oid).catch(() => {})
    return entry
  }

  /** Notes that the commit has no such file, so that other tools need not ask when offline. */
  async markMissing(repo: Repo, commit: Commit, path: string): Promise<void> {
    const marker = this.layout(repo).missing(commit, path)
    await this.#makeFolder(dirname(marker))
    await onDisk('write', marker, () => makeEmptyFile(marker))
  }

  /** All files of a commit, where dfhf or another client kept their list. */
  readTree(repo: Repo, commit: Commit): Promise<ListedFile[] | undefined> {
    return readTreeCache(this.layout(repo).tree(commit))
  }

  /** Keeps the list of all files of a commit. */
  async writeTree(repo: Repo, commit: Commit, entries: readonly ListedFile[]): Promise<void> {
    const layout = this.layout(repo)
    await this.#makeFolder(layout.snapshot(commit))
    await makeParentInside(this.root, layout.tree(commit))
    await writeTreeCache(layout.tree(commit), entries)
  }

  /** True where blobs are written because those that stand at their names are wrong. */
  get isMending(): boolean {
    return this.#options.mending !== undefined
  }

  /** Opens a blob for writing, with what an earlier run left of it. Publishing replaces what stands at its name. */
  async openBlob(repo: Repo, oid: Oid, size: number): Promise<PartialBlob> {
    const layout = this.layout(repo)
    await this.#makeBlobs(layout)
    const blob = await openPartialBlob({
      folder: layout.blobs,
      oid,
      size,
      finalPath: layout.blob(oid),
      ...this.#options,
    })
    // A download that was given up for a month is not resumed. Files that are being written, this one too, have a lock.
    await removeStalePartials(layout.blobs, { olderThanMs: STALE_AFTER_MS }).catch(() => {})
    return blob
  }

  /** Puts a blob that is whole and checked at its place, in place of what stood there, and returns the path. */
  async writeBlob(repo: Repo, oid: Oid, bytes: Uint8Array): Promise<string> {
    const layout = this.layout(repo)
    const finalPath = layout.blob(oid)
    const sync = this.#options.durable === false ? undefined : this.#sync
    const make = () => this.#makeCleanBlobs(layout)
    await this.#folders.within(layout.blobs, make, () =>
      writeWhole({ bytes, folder: layout.blobs, stem: oid, finalPath }, sync),
    )
    return finalPath
  }

  /**
   * Puts many small files that are whole and checked at their places, and gives the paths of their entries; undefined for
   * each that `writeBlob` and `linkFile` are to put there. Their names outlive a power loss once `syncNames` has resolved.
   */
  async writeFiles(repo: Repo, files: readonly WholeFile[]): Promise<(string | undefined)[]> {
    if (this.#hasNoLinks) return files.map(() => undefined)
    const layout = this.layout(repo)
    await this.#folders.ensure(layout.blobs, () => this.#makeCleanBlobs(layout))
    return this.#writer.write(layout, files)
  }

  /** Puts the names of all blobs of a repo on the disk. */
  async syncNames(repo: Repo): Promise<void> {
    if (this.#options.durable !== false) await this.#sync.sync(this.layout(repo).blobs)
  }

  /** Copies a blob from elsewhere on this machine and returns its path. Throws `verification-failed` for other bytes. */
  async copyBlob(
    source: string,
    repo: Repo,
    expected: { readonly oid: Oid; readonly size: number },
    signal?: AbortSignal,
  ): Promise<string> {
    const target = this.layout(repo).blob(expected.oid)
    // Opening makes the folders; an empty partial file goes away with the close.
    await (await this.openBlob(repo, expected.oid, expected.size)).close()
    await placeBlob(source, target, { signal, expected })
    return target
  }

  /** Bytes that still have to be written of blobs that are not here, and where they go. */
  async spaceNeeded(
    repo: Repo,
    wanted: readonly { readonly oid: Oid; readonly size: number }[],
  ): Promise<SpaceNeed> {
    const { blobs } = this.layout(repo)
    const sizes = new Map(wanted.map(({ oid, size }) => [oid as string, size]))
    return { path: blobs, size: await missingSize(blobs, sizes) }
  }

  /** The files of a commit that are here, by their paths in the repo; undefined when there are none. */
  listPlaced(repo: Repo, commit: Commit): Promise<PlacedFile[] | undefined> {
    return listPlaced(this.layout(repo).snapshot(commit))
  }

  /** Takes the lock that every client of this cache takes while it downloads the blob. */
  async lock(repo: Repo, oid: Oid, options: FileLockOptions = {}): Promise<FileLock> {
    const path = this.layout(repo).lock(oid)
    const folder = dirname(path)
    try {
      await this.#folders.ensure(folder, () => this.#makeFolder(folder))
    } catch {
      return new FileLock()
    }
    const lock = await acquireFileLock(path, options)
    if (!lock.isHeld) this.#folders.forget(folder)
    return lock
  }

  /** Where the files of one repo stand. */
  layout(repo: Repo): RepoLayout {
    return new RepoLayout(this.root, repo)
  }

  async #findLocal({ folder, blobs }: RepoLayout): Promise<boolean> {
    const isLocal = await existing(blobs).then(isLocalDisk, () => false)
    this.#isLocal.set(folder, isLocal)
    return isLocal
  }

  async #makeCleanBlobs(layout: RepoLayout): Promise<void> {
    await this.#makeBlobs(layout)
    await removeLostPartials(layout.blobs).catch(() => {})
    await removeStalePartials(layout.blobs, { olderThanMs: STALE_AFTER_MS }).catch(() => {})
  }

  async #makeBlobs(layout: RepoLayout): Promise<void> {
    await this.#makeFolder(layout.blobs)
    // huggingface_hub's scan takes a repo without snapshots for a broken one.
    await this.#makeFolder(join(layout.folder, 'snapshots'))
  }

  async #makeFolder(folder: string): Promise<void> {
    await this.#prepare()
    await makeFolderInside(this.root, folder)
  }

  async #prepare(): Promise<void> {
    if (this.#isPrepared) return
    await makeFolderInside(this.root, this.root)
    await writeCachedirTag(this.root)
    this.#isPrepared = true
  }
}

async function hasSize(path: string, size: number | undefined): Promise<boolean> {
  const present = await fileSize(path)
  return present !== undefined && (size === undefined || present === size)
}
