import type { FileRef } from '../repo/file-ref.ts'
import type { Repo } from '../repo/repo.ts'

/** A blob and, where it is known, the file that holds it: a bare address of bytes tells no file. */
export interface LocatedBlob extends Pick<FileRef, 'oid' | 'size'>, Loose<Pick<FileRef, 'commit' | 'path'>> {
  /** A blob of no known repo counts as private. */
  readonly repo?: Repo | undefined
  /** True where the server gave these bytes at the asker's own address. */
  readonly isProven?: boolean | undefined
}

type Loose<T> = { readonly [K in keyof T]?: T[K] | undefined }
