import { BoundedMap } from '../base/bounded-map.ts'
import { DfhfError } from '../base/errors.ts'
import { isSha256 } from '../blob/oid.ts'
import type { OriginSource } from '../repo/origin.ts'
import { type Repo, repoName } from '../repo/repo.ts'
import type { LocatedBlob } from './located-blob.ts'

const MAX_PROOFS = 20_000

/**
 * Which repos really hold which blobs. A repo's author writes the oid of a large file into a pointer, and may write
 * the oid of another author's file; the repo has the blob when the Hub gives its bytes for it, or did so before.
 */
export class BlobProofs {
  readonly #reposOf: (oid: LocatedBlob['oid']) => readonly Repo[]
  readonly #proven = new BoundedMap<string, true>(MAX_PROOFS)

  /** `reposOf` tells from which repos the blob that is here came. */
  constructor(reposOf: (oid: LocatedBlob['oid']) => readonly Repo[]) {
    this.#reposOf = reposOf
  }

  /** True where the origin need not be asked. Git makes its ids from the content, so no author can claim another's. */
  has({ oid, repo, isProven }: LocatedBlob): boolean {
    if (isProven || !isSha256(oid)) return true
    if (!repo) return false
    const name = repoName(repo)
    return this.#proven.has(`${name} ${oid}`) || this.#reposOf(oid).some((each) => repoName(each) === name)
  }

  /** Has the origin asked where nothing is known; throws `bad-response` when it does not give the blob. */
  async make(blob: LocatedBlob, source: OriginSource, signal?: AbortSignal): Promise<void> {
    if (this.has(blob)) return
    const { oid, repo } = blob
    if (!(await source.isGiven({ signal }))) {
      const name = repo ? repoName(repo) : 'no repo'
      throw new DfhfError(
        'bad-response',
        `the Hub names blob ${oid.slice(0, 12)} in ${name} and does not give it`,
      )
    }
    if (repo) this.#proven.set(`${repoName(repo)} ${oid}`, true)
  }
}
