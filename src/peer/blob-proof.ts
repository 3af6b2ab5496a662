import { DfhfError } from '../base/errors.ts'
import { isSha256 } from '../blob/oid.ts'
import { parseContentRange } from '../http/content-range.ts'
import type { HttpResponse } from '../http/http-response.ts'
import type { HubClient } from '../hub/hub-client.ts'
import { type Repo, repoName } from '../repo/repo.ts'
import type { LocatedBlob } from './blob-library.ts'

const MAX_PROOFS = 20_000

/** Sends one request to where a blob's bytes are said to be, redirects followed. */
export type SendToBytes = (request: {
  readonly method: 'HEAD' | 'GET'
  readonly headers: Readonly<Record<string, string>>
}) => Promise<HttpResponse>

/**
 * Which repos really hold which blobs. A repo's author writes the oid of a large file into a pointer, and may write
 * that of anybody's; the repo has the blob when the Hub gives its bytes for it, or when they came from it before.
 */
export class BlobProofs {
  readonly #reposOf: (oid: LocatedBlob['oid']) => readonly Repo[]
  readonly #proven = new Set<string>()

  /** `reposOf` tells from which repos the blob that is here came. */
  constructor(reposOf: (oid: LocatedBlob['oid']) => readonly Repo[]) {
    this.#reposOf = reposOf
  }

  /** True where nothing has to be asked. Git's own ids are made from the content, so nobody can borrow one. */
  has({ oid, repo, isProven }: LocatedBlob): boolean {
    if (isProven || !isSha256(oid)) return true
    if (!repo) return false
    const name = repoName(repo)
    return this.#proven.has(`${name} ${oid}`) || this.#reposOf(oid).some((each) => repoName(each) === name)
  }

  /** Asks for a byte of the blob where nothing is known; throws `bad-response` when it is not given. */
  async make(blob: LocatedBlob, send: SendToBytes): Promise<void> {
    if (this.has(blob)) return
    const { oid, size, repo } = blob
    if (!(await givesBytes(send, size))) {
      const name = repo ? repoName(repo) : 'no repo'
      throw new DfhfError(
        'bad-response',
        `the Hub names blob ${oid.slice(0, 12)} in ${name} and does not give it`,
      )
    }
    if (repo) this.#proven.add(`${repoName(repo)} ${oid}`)
    if (this.#proven.size > MAX_PROOFS) this.#proven.delete(this.#proven.values().next().value ?? '')
  }
}

/** How to ask the Hub in its client's name for a blob of a repo. */
export async function sendToHub(
  hub: HubClient,
  blob: LocatedBlob,
  signal?: AbortSignal,
): Promise<SendToBytes> {
  const { repo, commit, path, oid } = blob
  let { location } = blob
  if (location === undefined) {
    if (!repo || commit === undefined || path === undefined)
      throw new DfhfError('no-source', `nobody can be asked for blob ${oid.slice(0, 12)}`)
    location = (await hub.fileMetadata(repo, commit, path, { signal })).location
  }
  const url = location
  return (request) => hub.session.sendFollowing({ ...request, url, signal })
}

/** By HEAD, or by one byte where a signature is good for a GET alone. */
async function givesBytes(send: SendToBytes, size: number): Promise<boolean> {
  const identity = { 'accept-encoding': 'identity' }
  const head = await send({ method: 'HEAD', headers: identity })
  await head.discard()
  // A proxy may give every HEAD the length of the body that it does not have; the bytes themselves tell.
  if (head.status === 200 && Number(head.headers.get('content-length') ?? size) === size) return true
  const first = await send({ method: 'GET', headers: { ...identity, range: 'bytes=0-0' } })
  await first.discard()
  const range = parseContentRange(first.headers.get('content-range'))
  if (first.status === 206) return (range?.size ?? size) === size
  return first.status === 200 && Number(first.headers.get('content-length') ?? size) === size
}
