import type { BlobSource } from '../blob/blob-source.ts'
import type { Commit } from '../blob/oid.ts'
import type { DescribedFile, FileRef, ListedFile } from './file-ref.ts'
import type { Repo } from './repo.ts'

/** What an origin says of a repo at a revision. */
export interface RepoState {
  readonly commit: Commit
  readonly isPrivate: boolean
  /** Its licence must be accepted first. */
  readonly isGated: boolean
  readonly isDisabled: boolean
}

/** What may end a question early. */
export interface Waiting {
  readonly signal?: AbortSignal | undefined
}

/** Where one file's bytes come from at its origin. */
export interface OriginSource extends BlobSource {
  /**
   * False where the origin names the blob in the repo and gives other bytes or none: whoever writes a listing may write
   * the oid of a blob that the repo does not have. Throws what keeps the origin from answering.
   */
  isGiven(options?: Waiting): Promise<boolean>
}

/**
 * Where repos come from: the Hub, or any other place that can answer for its files. It speaks with what one asker may
 * read. Every method throws DfhfError in words for the user, or the signal's reason.
 */
export interface Origin {
  /** Resolves a revision to its commit; throws `repo-not-found`, `revision-not-found` and the like. */
  resolveRevision(repo: Repo, revision: string, options?: Waiting): Promise<RepoState>
  /** Every file of a commit. */
  listFiles(repo: Repo, commit: Commit, options?: Waiting): AsyncIterable<ListedFile>
  /** One file at a revision; throws FileNotFoundError. `isCached` asks once and quickly, since a copy will do. */
  describeFile(
    repo: Repo,
    revision: string,
    path: string,
    options?: Waiting & { readonly isCached?: boolean },
  ): Promise<DescribedFile>
  /**
   * The bytes of a file. Asks nothing before a range is opened. With `guesses` it may go at once to where other files of
   * the commit were found: for those who have another way when the bytes are wrong.
   */
  openSource(repo: Repo, file: DescribedFile, options?: { readonly guesses?: boolean }): OriginSource
  /** Whether everybody may read what this asker has read of the repo, so that its blobs may go to any peer. */
  isPublic(repo: Repo, revision: string, options?: Waiting): Promise<boolean>
  /**
   * What a file must be whose bytes do not hash to an oid that was unsure; undefined where it is as it was said. An
   * origin that is always sure leaves this out.
   */
  correctOid?(repo: Repo, file: FileRef, options?: Waiting): Promise<ListedFile | undefined>
}
