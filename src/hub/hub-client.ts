import type { DescribedFile, FileRef, ListedFile } from '../repo/file-ref.ts'
import type { ListedPage, Origin, Waiting } from '../repo/origin.ts'
import type { Repo } from '../repo/repo.ts'
import { HubBlobSource } from './hub-blob-source.ts'
import { type HubOptions, HubSession } from './hub-session.ts'
import { fileMetadata } from './responses/file-metadata.ts'
import { listTree } from './responses/list-tree.ts'
import { pathsInfo } from './responses/paths-info.ts'
import { type RepoInfo, repoInfo } from './responses/repo-info.ts'

/** The Hub as an origin, with what its token may read. */
export class HubClient implements Origin {
  readonly session: HubSession

  constructor(options: HubOptions) {
    this.session = new HubSession(options)
  }

  get requestsLeft(): number | undefined {
    return this.session.resolvesLeft
  }

  resolveRevision(repo: Repo, revision: string, options?: Waiting): Promise<RepoInfo> {
    return repoInfo(this.session, repo, revision, options)
  }

  /** Every file at a revision, best a commit. */
  listPages(repo: Repo, revision: string, options?: Waiting): AsyncGenerator<ListedPage> {
    return listTree(this.session, repo, revision, options)
  }

  /** The named files at a revision, without those that are not there. */
  pathsInfo(
    repo: Repo,
    revision: string,
    paths: readonly string[],
    options?: Waiting,
  ): Promise<readonly ListedFile[]> {
    return pathsInfo(this.session, repo, revision, paths, options)
  }

  describeFile(
    repo: Repo,
    revision: string,
    path: string,
    options?: Waiting & { readonly isCached?: boolean },
  ): ReturnType<typeof fileMetadata> {
    return fileMetadata(this.session, repo, revision, path, options)
  }

  openSource(repo: Repo, file: DescribedFile, options?: { readonly guesses?: boolean }): HubBlobSource {
    return new HubBlobSource(this.session, repo, file, options)
  }

  /** Without a token all that can be read is public; with one the Hub must say that the repo is not private or gated. */
  async isPublic(repo: Repo, revision: string, options?: Waiting): Promise<boolean> {
    if (!this.session.hasToken) return true
    const { isPrivate, isGated } = await this.resolveRevision(repo, revision, options)
    return !isPrivate && !isGated
  }

  /**
   * What the listing says of a plain file whose bytes do not hash to its ETag; undefined where the listing agrees with
   * the ETag or cannot be had. Where it does not agree, the endpoint's ETags of plain files are believed no more.
   */
  async correctOid(
    repo: Repo,
    { commit, path, oid }: FileRef,
    options?: Waiting,
  ): Promise<ListedFile | undefined> {
    const [listed] = await this.pathsInfo(repo, commit, [path], options).catch(() => [])
    if (!listed || listed.oid === oid) return undefined
    this.session.plainEtags.disprove()
    return listed
  }
}
