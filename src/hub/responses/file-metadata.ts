import { DfhfError } from '../../base/errors.ts'
import type { DescribedFile } from '../../repo/file-ref.ts'
import type { Repo } from '../../repo/repo.ts'
import type { HubQuestion } from '../hub-error.ts'
import type { HubSession } from '../hub-session.ts'
import { describeFile } from './describe-file.ts'
import { type FoundHead, walkToHead } from './file-head.ts'

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
  const described = await describeFile(session, head, { repo, path, signal })
  if (!described) throw new DfhfError('bad-response', `the Hub gives neither size nor hash of '${path}'`)
  const { file } = described
  // A branch may move on; the location that its address leads to now is that of the commit.
  const isWhereAsked = file.location === new URL(session.urls.resolve(repo, revision, path)).href
  return isWhereAsked ? { ...file, location: session.urls.resolve(repo, file.commit, path) } : file
}

async function headOf(
  session: HubSession,
  question: HubQuestion & { readonly path: string; readonly revision: string },
  options: { readonly signal: AbortSignal | undefined; readonly headersTimeoutMs: number },
): Promise<FoundHead> {
  const start = new URL(session.urls.resolve(question.repo, question.revision, question.path))
  const found = await walkToHead(start, session.endpoint, (request) =>
    session.send({ ...request, ...options }),
  )
  if (found.kind === 'foreign') throw notAHub(session)
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
