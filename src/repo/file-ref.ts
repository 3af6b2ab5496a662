import type { Commit, Oid } from '../blob/oid.ts'

/** A file of a repo at one commit, and what it holds. */
export interface FileRef {
  readonly commit: Commit
  /** As the origin wrote it; where it may be put is checked when it is wanted. */
  readonly path: string
  /** What the content hashes to. */
  readonly oid: Oid
  /** The content's size in bytes. */
  readonly size: number
}

/** A file as its origin describes it at this moment. */
export interface DescribedFile extends FileRef {
  /** The address of its bytes as the origin named it; saves its source the first request. Signed and short-lived on a CDN. */
  readonly location?: string | undefined
  /** True when the oid is only a plain file's ETag, which a mirror may have made of something else. */
  readonly isOidUnsure?: boolean | undefined
}

/** A file as the listing of its commit names it: with its git id, and of no commit until it is taken from the list. */
export interface ListedFile extends Omit<FileRef, 'commit'> {
  /** The git id: of the content, or for an LFS file, whose oid is a sha256, of its pointer. */
  readonly blobId: string
  readonly xetHash?: string | undefined
}

/** A file that stands on this machine, found without a list of its repo's files, so that its oid may be unknown. */
export interface PlacedFile {
  /** In the repo. */
  readonly path: string
  /** On this machine. */
  readonly file: string
  readonly size: number
  /** The blob's name, empty where it is unknown. */
  readonly oid: string
}
