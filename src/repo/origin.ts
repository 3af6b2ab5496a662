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

/** Files of a commit that its origin lists together. */
export interface ListedPage {
  readonly files: readonly ListedFile[]
  /** True where no page follows. */
  readonly isLast: boolean
}

/** What may end a question early. */
export interface Waiting {
  readonly signal?: AbortSignal | undefined
}

/** Where one file's bytes come from at its origin. */
export interface OriginSource extends BlobSource {
  /**
   * False where the origin lists the blob in the repo but gives other bytes or none: a repo's author may list the oid of
   * a blob that the repo does not have. Throws the error that keeps the origin from answering.
   */
  isGiven(options?: Waiting): Promise<boolean>
}

/**
 * Where repos come from: the Hub, or any other place that can answer for its files. It reads with the permissions of one
 * asker. Every method throws DfhfError in words for the user, or the signal's reason.
 */
export interface Origin {
  /** How many questions for files' bytes it says it will take in its present window; undefined where it does not say. */
  readonly requestsLeft?: number | undefined
  /** Resolves a revision to its commit; throws `repo-not-found`, `revision-not-found` and the like. */
  resolveRevision(repo: Repo, revision: string, options?: Waiting): Promise<RepoState>
  /** Every file of a commit, page by page; the last page comes even where it is empty. */
  listPages(repo: Repo, commit: Commit, options?: Waiting): AsyncIterable<ListedPage>
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
  /** Whether the repo is public, so that its blobs may go to any peer. */
  isPublic(repo: Repo, revision: string, options?: Waiting): Promise<boolean>
  /**
   * The true listing of a file whose bytes do not hash to an oid that was unsure; undefined where the listing has that
   * oid as well. An origin whose oids are always sure leaves this method out.
   */
  correctOid?(repo: Repo, file: FileRef, options?: Waiting): Promise<ListedFile | undefined>
}
