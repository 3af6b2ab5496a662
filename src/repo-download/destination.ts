import type { Commit, Oid } from '../blob/oid.ts'
import type { PlacedFile } from '../storage/cache/placed-files.ts'
import type { BlobFile } from '../transfer/blob-file.ts'

/** One file of a repo at one commit, and what it must hold. */
export interface WantedFile {
  readonly commit: Commit
  readonly path: string
  readonly oid: Oid
  readonly size: number
  /** Where its bytes were a moment ago, when the Hub told it already. */
  readonly location?: string | undefined
  /** True when the oid is only a plain file's ETag, which a mirror may have made of something else. */
  readonly isOidUnsure?: boolean | undefined
}

/** A file of a commit as a listing names it; what `noteTree` keeps. */
export interface ListedFile {
  readonly path: string
  readonly size: number
  readonly oid: Oid
  readonly blobId: string
  readonly lfs?: { readonly oid: string; readonly size: number } | undefined
  readonly xetHash?: string | undefined
}

/** A file that is here; its commit is empty where that is not known. */
export interface KnownFile {
  readonly path: string
  readonly commit: string
}

/** Where the files of one repo go: the Hugging Face cache, or a folder of the user's own. */
export interface Destination {
  /** The commit that a revision meant when it was last asked for. */
  readRef(revision: string): Promise<Commit | undefined>
  /** The file that stands for `path` at `revision` as far as can be told without asking the Hub. */
  findKnown(revision: string, path: string): Promise<KnownFile | undefined>
  /** True when `place` would give the file without fetching a byte. */
  has(file: WantedFile): Promise<boolean>
  /** Gives the file under its name when its content is here already, by whatever this place keeps; else undefined. */
  place(file: WantedFile): Promise<string | undefined>
  /** Keeps others from fetching the same blob at the same time. */
  lock(
    file: WantedFile,
    options: { readonly signal: AbortSignal; readonly onWait: (holder: string) => void },
  ): Promise<AsyncDisposable>
  /** Opens the blob for writing; fails early when the disk has no room for it. */
  openBlob(file: WantedFile): Promise<BlobFile>
  /** Takes the blob from a checked copy elsewhere on this machine. */
  copyFrom(source: string, file: WantedFile, signal: AbortSignal): Promise<string>
  /** Gives the published blob its name and returns the path. */
  finish(file: WantedFile, publishedPath: string): Promise<string>
  /** Throws `disk-full` when there is less room than fetching these files takes. */
  ensureRoom(files: readonly WantedFile[]): Promise<void>
  /** False where what the revision means cannot be kept beside what is kept already. */
  noteRevision(revision: string, commit: Commit): Promise<boolean>
  noteMissing(commit: Commit, path: string): Promise<void>
  noteTree(commit: Commit, files: readonly ListedFile[]): Promise<void>
  readTree(commit: Commit): Promise<ListedFile[] | undefined>
  /** The files of a commit that are here, where nothing says what it holds; undefined when there are none. */
  listPlaced(commit: Commit): Promise<PlacedFile[] | undefined>
  /** The folder that a snapshot's result names. */
  folderOf(commit: Commit): string
}
