import { DfhfError } from '../../base/errors.ts'
import type { DescribedFile } from '../../repo/file-ref.ts'
import type { Repo } from '../../repo/repo.ts'
import type { HubQuestion } from '../hub-error.ts'
import type { HubSession } from '../hub-session.ts'
import { type FoundHead, readHead, walkToHead } from './file-head.ts'
import { pathsInfo } from './paths-info.ts'

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
): Promise<DescribedFile & { readonly location: string }> {
  const question = { repo, revision, path }
  const { signal } = options
  const head = await session.retrying(
    signal,
    (attempt) =>
      headOf(session, question, {
        signal,
        headersTimeoutMs: attempt === 0 ? session.metadataTimeoutMs : PATIENT_TIMEOUT_MS,
      }),
    options.isCached === true ? { retries: 0 } : {},
  )
  const { commit } = head
  if (commit === undefined) throw notAHub(session)
  const first = session.urls.resolve(repo, revision, path)
  const pinned = session.urls.resolve(repo, commit, path)
  const location = head.target?.href ?? (head.url.href === new URL(first).href ? pinned : head.url.href)
  const { oid, size, isLinked } = readHead(head)
  const isOidUnsure = !isLinked
  if (oid !== undefined && size !== undefined && (isLinked || session.plainEtags.areGitIds))
    return { commit, path, oid, size, location, isOidUnsure }
  const [listed] = await pathsInfo(session, repo, commit, [path], { signal })
  if (listed) return { commit, path, oid: listed.oid, size: listed.size, location }
  throw new DfhfError('bad-response', `the Hub gives neither size nor hash of '${path}'`)
}

async function headOf(
  session: HubSession,
  question: HubQuestion & { readonly path: string; readonly revision: string },
  options: { readonly signal: AbortSignal | undefined; readonly headersTimeoutMs: number },
): Promise<FoundHead> {
  const start = new URL(session.urls.resolve(question.repo, question.revision, question.path))
  const headers = { 'accept-encoding': 'identity' }
  const found = await walkToHead(start, session.endpoint, (url) =>
    session.send({ method: 'HEAD', url, headers, ...options }),
  )
  if (found.kind === 'refused') throw await session.error(found.response, question)
  return found
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
