import type { Commit, Oid } from '../blob/oid.ts'
import type { Repo } from '../repo/repo.ts'
import { type FileMetadata, fileMetadata } from './answers/file-metadata.ts'
import { listTree } from './answers/list-tree.ts'
import { pathsInfo } from './answers/paths-info.ts'
import type { RepoFile } from './answers/repo-file.ts'
import { type RepoInfo, repoInfo } from './answers/repo-info.ts'
import { type HubOptions, HubSession } from './hub-session.ts'

interface Waiting {
  readonly signal?: AbortSignal | undefined
}

/** What a reader asks the Hub. Every method throws DfhfError in words for the user, or the signal's reason. */
export class HubClient {
  readonly session: HubSession

  constructor(options: HubOptions) {
    this.session = new HubSession(options)
  }

  /** True when requests go out with a token: then what can be read is not necessarily public. */
  get hasToken(): boolean {
    return this.session.hasToken
  }

  /** Resolves a revision to its commit, and says who may read the repo. */
  repoInfo(repo: Repo, revision: string, options?: Waiting): Promise<RepoInfo> {
    return repoInfo(this.session, repo, revision, options)
  }

  /** Every file at a revision, best a commit. */
  listTree(repo: Repo, revision: string, options?: Waiting): AsyncGenerator<RepoFile> {
    return listTree(this.session, repo, revision, options)
  }

  /** The named files at a revision, without those that are not there. */
  pathsInfo(
    repo: Repo,
    revision: string,
    paths: readonly string[],
    options?: Waiting,
  ): Promise<readonly RepoFile[]> {
    return pathsInfo(this.session, repo, revision, paths, options)
  }

  /** One file's commit, oid, size and place; `isCached` asks once and quickly. */
  fileMetadata(
    repo: Repo,
    revision: string,
    path: string,
    options?: Waiting & { readonly isCached?: boolean },
  ): Promise<FileMetadata> {
    return fileMetadata(this.session, repo, revision, path, options)
  }

  /**
   * What the listing says of a plain file whose bytes are not what its ETag named; undefined where it agrees or cannot be
   * had. Where it does not agree, the endpoint's ETags of plain files are believed no more.
   */
  async correctEtag(
    repo: Repo,
    file: { readonly commit: Commit; readonly path: string; readonly oid: Oid },
    options?: Waiting,
  ): Promise<RepoFile | undefined> {
    const [listed] = await this.pathsInfo(repo, file.commit, [file.path], options).catch(() => [])
    if (!listed || listed.oid === file.oid) return undefined
    this.session.plainEtags.disprove()
    return listed
  }
}
