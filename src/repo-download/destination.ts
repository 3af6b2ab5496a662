import type { Commit } from '../blob/oid.ts'
import type { FileRef, ListedFile, PlacedFile } from '../repo/file-ref.ts'
import type { WholeFile } from '../storage/cache/write-files.ts'
import type { SpaceNeed } from '../storage/files/disk-space.ts'
import type { BlobFile } from '../transfer/writing/blob-file.ts'

/** A file that is here by its name alone, where the origin need not or cannot be asked what it must hold. */
export interface KnownFile {
  /** On this machine. */
  readonly file: string
  /** Empty where that is not known. */
  readonly commit: string
}

/** Where the files of one repo go: the Hugging Face cache, or a folder of the user's own. */
export interface Destination {
  /** The commit that a revision meant when it was last asked for. */
  readRef(revision: string): Promise<Commit | undefined>
  /** The file that stands for `path` at `revision` as far as can be told without asking the Hub. */
  findKnown(revision: string, path: string): Promise<KnownFile | undefined>
  /** True when `place` would give the file without fetching a byte. */
  has(file: FileRef): Promise<boolean>
  /** Gives the file under its name when this destination holds its content already; else undefined. */
  place(file: FileRef): Promise<string | undefined>
  /** Keeps other processes from fetching the same blob at the same time. */
  lock(
    file: FileRef,
    options: { readonly signal: AbortSignal; readonly onWait: (holder: string) => void },
  ): Promise<AsyncDisposable>
  /** Opens the blob for writing; fails early when the disk has no room for it. */
  openBlob(file: FileRef): Promise<BlobFile>
  /** Puts a blob that is whole and checked where `openBlob` would publish it; returns that path for `finish`. */
  writeBlob(file: FileRef, bytes: Uint8Array): Promise<string>
  /**
   * Does what `writeBlob` and `finish` do for many small files at once; gives their paths, and undefined for each that has
   * to be put there by these. Absent where it would be no quicker.
   */
  writeFiles?(files: readonly WholeFile[]): Promise<readonly (string | undefined)[]>
  /** Has the names of what `writeFiles` wrote outlive a power loss, as their bytes do before. */
  syncNames?(): Promise<void>
  /** Takes the blob from a checked copy elsewhere on this machine. */
  copyFrom(source: string, file: FileRef, signal: AbortSignal): Promise<string>
  /** Gives the published blob its name and returns the path. */
  finish(file: FileRef, publishedPath: string): Promise<string>
  /** What fetching these files takes of each disk. */
  spaceNeeded(files: readonly FileRef[]): Promise<readonly SpaceNeed[]>
  /** Throws `disk-full` when there is less room than that. */
  ensureRoom(files: readonly FileRef[]): Promise<void>
  /** False where the revision's name is in the way of another one that is kept already, as `dev` is of `dev/x`. */
  noteRevision(revision: string, commit: Commit): Promise<boolean>
  noteMissing(commit: Commit, path: string): Promise<void>
  noteTree(commit: Commit, files: readonly ListedFile[]): Promise<void>
  readTree(commit: Commit): Promise<ListedFile[] | undefined>
  /** The files of a commit that are here, where nothing says what it holds; undefined when there are none. */
  listPlaced(commit: Commit): Promise<PlacedFile[] | undefined>
  /** The folder that a snapshot's result names. */
  folderOf(commit: Commit): string
}
