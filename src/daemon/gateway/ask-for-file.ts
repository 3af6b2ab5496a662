import { DfhfError } from '../../base/errors.ts'
import { type Commit, isCommit, isSha256 } from '../../blob/oid.ts'
import type { HttpResponse } from '../../http/http-response.ts'
import { MAX_REDIRECTS, redirectTarget } from '../../http/redirects.ts'
import { oidOfEtag } from '../../hub/etag.ts'
import { isHubRedirect } from '../../hub/hub-hosts.ts'
import type { Repo } from '../../hub/repo.ts'
import type { Credentials } from './credentials.ts'
import type { FileFact } from './file-fact.ts'
import type { HubUpstream } from './hub-upstream.ts'
import type { HeaderLine } from './message.ts'
import { answerHeaders } from './relayed-headers.ts'

/** What the Hub says when it is asked for a file in a client's name. */
export type FileVerdict =
  | { readonly kind: 'file'; readonly fact: FileFact }
  /** The Hub said no. Addresses in the headers lead to the Hub itself. */
  | { readonly kind: 'refused'; readonly status: number; readonly headers: readonly HeaderLine[] }
  /** It is there, but what its bytes must be cannot be told. */
  | { readonly kind: 'opaque' }

/** What is asked, and by whom. */
export interface FileQuestion {
  readonly repo: Repo
  readonly path: string
  /** Path and query, as the client sent them. */
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly credentials: Credentials
  readonly signal: AbortSignal
}

/** Follows a HEAD to the answer that has all metadata. Throws `network` and `timeout`. */
export async function askForFile(hub: HubUpstream, question: FileQuestion): Promise<FileVerdict> {
  const { repo, path, signal, credentials } = question
  let url = hub.urlOf(question.target)
  let commit: Commit | undefined
  for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
    const headers = { ...hub.headersFor(url, question.headers), 'accept-encoding': 'identity' }
    const response = await hub.http.request({ method: 'HEAD', url, headers, signal })
    await response.discard()
    if (response.status >= 400) {
      const lines = answerHeaders(response.headers, { base: hub.endpoint.origin, endpoint: hub.endpoint })
      const kept = lines.filter(([name]) => name !== 'content-length' && name !== 'content-encoding')
      return { kind: 'refused', status: response.status, headers: kept }
    }
    const said = response.headers.get('x-repo-commit')
    if (said !== undefined && isCommit(said)) commit = said
    const next = redirectTarget(response)
    if (!next || isLinked(response) || !isHubRedirect(url, next, hub.endpoint)) {
      if (!commit) return { kind: 'opaque' }
      const found = readFact(response, next)
      const location = (next ?? url).href
      if (found) return { kind: 'file', fact: { ...found, commit, location } }
      const client = hub.clientFor(credentials, question.headers['user-agent'] ?? 'dfhf')
      const [listed] = await client.pathsInfo(repo, commit, [path], { signal })
      if (!listed) return { kind: 'opaque' }
      return { kind: 'file', fact: { commit, oid: listed.oid, size: listed.size, location } }
    }
    url = next
  }
  throw new DfhfError('bad-response', `the Hub redirects '${path}' more than ${MAX_REDIRECTS} times`)
}

/** True for the redirect of an LFS file: it tells everything itself and leads to a URL signed for one GET. */
function isLinked({ headers }: HttpResponse): boolean {
  const oid = oidOfEtag(headers.get('x-linked-etag'))
  return oid !== undefined && isSha256(oid) && headers.get('x-linked-size') !== undefined
}

function readFact({ headers }: HttpResponse, next: URL | undefined): Omit<FileFact, 'commit'> | undefined {
  const oid = oidOfEtag(headers.get('x-linked-etag') ?? headers.get('etag'))
  const isPlain = next === undefined && (headers.get('content-encoding') ?? 'identity') === 'identity'
  const size = headers.get('x-linked-size') ?? (isPlain ? headers.get('content-length') : undefined)
  if (oid === undefined || size === undefined || !/^\d{1,15}$/.test(size)) return undefined
  // A redirect's type is that of its own few words.
  const contentType = isPlain ? headers.get('content-type') : undefined
  const disposition = isPlain ? headers.get('content-disposition') : undefined
  return {
    oid,
    size: Number(size),
    ...(contentType !== undefined && { contentType }),
    ...(disposition !== undefined && { disposition }),
  }
}
