import { DfhfError } from '../base/errors.ts'
import { type Commit, isCommit, isSha256, type Oid } from '../blob/oid.ts'
import type { HttpResponse } from '../http/http-response.ts'
import { MAX_REDIRECTS, redirectTarget } from '../http/redirects.ts'
import { oidOfEtag } from './etag.ts'
import type { HubQuestion } from './hub-error.ts'
import { isHubRedirect } from './hub-hosts.ts'
import type { HubSession } from './hub-session.ts'
import { pathsInfo } from './paths-info.ts'
import type { Repo } from './repo.ts'

/** What the Hub says of one file at a revision. */
export interface FileMetadata {
  /** The commit that the revision stands for. */
  readonly commit: Commit
  readonly oid: Oid
  readonly size: number
  /** Where a GET finds the bytes; signed and short-lived when it is not on the Hub's own host. */
  readonly location: string
}

/** How long the tries after the first may take; the first one is quick because a cached copy may do. */
const PATIENT_TIMEOUT_MS = 60_000

/**
 * Asks for a file's commit, oid, size and place by HEAD. Throws FileNotFoundError with the commit, and the Hub's
 * other refusals; network trouble is retried unless `isCached` says that a copy can be used instead.
 */
export async function fileMetadata(
  session: HubSession,
  repo: Repo,
  revision: string,
  path: string,
  options: { readonly signal?: AbortSignal | undefined; readonly isCached?: boolean } = {},
): Promise<FileMetadata> {
  const question = { repo, revision, path }
  const { signal } = options
  const found = await session.retrying(
    signal,
    (attempt) =>
      head(session, question, {
        signal,
        headersTimeoutMs: attempt === 0 ? session.metadataTimeoutMs : PATIENT_TIMEOUT_MS,
      }),
    options.isCached === true ? { retries: 0 } : {},
  )
  const { commit, oid, size, location } = found
  if (oid !== undefined && size !== undefined) return { commit, oid, size, location }
  const [listed] = await pathsInfo(session, repo, commit, [path], { signal })
  if (listed) return { commit, oid: listed.oid, size: listed.size, location }
  throw new DfhfError('bad-response', `the Hub gives neither size nor hash of '${path}'`)
}

interface Found {
  readonly commit: Commit
  readonly oid: Oid | undefined
  readonly size: number | undefined
  readonly location: string
}

async function head(
  session: HubSession,
  question: Required<HubQuestion> & { readonly path: string; readonly revision: string },
  options: { readonly signal: AbortSignal | undefined; readonly headersTimeoutMs: number },
): Promise<Found> {
  const first = session.urls.resolve(question.repo, question.revision, question.path)
  let url = first
  let commit: Commit | undefined
  for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
    const headers = { 'accept-encoding': 'identity' }
    const response = await session.send({ method: 'HEAD', url, headers, ...options })
    await response.discard()
    if (response.status >= 400) throw await session.error(response, question)
    commit = commitOf(response) ?? commit
    const target = redirectTarget(response)
    const isPlaceFound =
      !target || hasLinkedFile(response) || !isHubRedirect(new URL(url), target, session.endpoint)
    if (isPlaceFound) {
      if (!commit) throw notAHub(session)
      const pinned = session.urls.resolve(question.repo, commit, question.path)
      return {
        commit,
        ...readFile(response, target),
        location: target?.href ?? (url === first ? pinned : url),
      }
    }
    url = target.href
  }
  throw new DfhfError('bad-response', `the Hub redirects '${question.path}' more than ${MAX_REDIRECTS} times`)
}

/** True for the redirect of an LFS file, which tells everything itself and leads to a URL signed for one GET. */
function hasLinkedFile({ headers }: HttpResponse): boolean {
  const oid = oidOfEtag(headers.get('x-linked-etag'))
  return oid !== undefined && isSha256(oid) && headers.get('x-linked-size') !== undefined
}

function readFile({ headers }: HttpResponse, target: URL | undefined): Pick<Found, 'oid' | 'size'> {
  const oid = oidOfEtag(headers.get('x-linked-etag') ?? headers.get('etag'))
  // A redirect's Content-Length is its own body's, a packed answer's that of the packed bytes.
  const isPlain = target === undefined && (headers.get('content-encoding') ?? 'identity') === 'identity'
  const size = headers.get('x-linked-size') ?? (isPlain ? headers.get('content-length') : undefined)
  return { oid, size: size !== undefined && /^\d{1,15}$/.test(size) ? Number(size) : undefined }
}

function commitOf({ headers }: HttpResponse): Commit | undefined {
  const commit = headers.get('x-repo-commit')
  return commit !== undefined && isCommit(commit) ? commit : undefined
}

function notAHub(session: HubSession): DfhfError {
  return new DfhfError(
    'bad-response',
    `${session.endpoint.host} does not answer like a Hub: no X-Repo-Commit`,
    {
      hint: 'check HF_ENDPOINT and the proxy',
    },
  )
}
