import type { FileRef } from '../repo/file-ref.ts'
import type { Repo } from '../repo/repo.ts'

/** A blob and the file that it is, as far as that is known: an address of bytes may be of no known file. */
export interface LocatedBlob extends Pick<FileRef, 'oid' | 'size'>, Loose<Pick<FileRef, 'commit' | 'path'>> {
  /** A blob of no known repo counts as private. */
  readonly repo?: Repo | undefined
  /** True where the asker's own address of these bytes was tried and gives them. */
  readonly isProven?: boolean | undefined
}

type Loose<T> = { readonly [K in keyof T]?: T[K] | undefined }
