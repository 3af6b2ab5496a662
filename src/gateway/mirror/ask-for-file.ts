import type { HttpResponse } from '../../http/http-response.ts'
import { type FoundHead, isPlainHead, readHead, walkToHead } from '../../hub/answers/file-head.ts'
import type { Repo } from '../../repo/repo.ts'
import type { Credentials } from '../access/credentials.ts'
import type { HeaderLine } from '../message.ts'
import { answerHeaders } from '../relayed-headers.ts'
import type { FileFact } from './file-fact.ts'
import type { HubUpstream } from './hub-upstream.ts'

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
  const found = await walkToHead(hub.urlOf(question.target), hub.endpoint, (url) => {
    const headers = { ...hub.headersFor(url, question.headers), 'accept-encoding': 'identity' }
    return hub.http.request({ method: 'HEAD', url, headers, signal })
  })
  if (found.kind === 'refused') return await refused(hub, found.response)
  const { commit } = found
  if (!commit) return { kind: 'opaque' }
  const location = (found.target ?? found.url).href
  const { oid, size, isLinked } = readHead(found)
  const isSure = isLinked || hub.plainEtags.areGitIds
  if (oid !== undefined && size !== undefined && isSure) {
    const fact = { ...presentation(found), oid, size, commit, location, isOidUnsure: !isLinked }
    return { kind: 'file', fact }
  }
  const client = hub.clientFor(credentials, question.headers['user-agent'] ?? 'dfhf')
  const [listed] = await client.pathsInfo(repo, commit, [path], { signal })
  if (!listed) return { kind: 'opaque' }
  return { kind: 'file', fact: { commit, oid: listed.oid, size: listed.size, location } }
}

async function refused(hub: HubUpstream, response: HttpResponse): Promise<FileVerdict> {
  await response.discard()
  const lines = answerHeaders(response.headers, { base: hub.endpoint.origin, endpoint: hub.endpoint })
  const kept = lines.filter(([name]) => name !== 'content-length' && name !== 'content-encoding')
  return { kind: 'refused', status: response.status, headers: kept }
}

/** How the file wants to be shown. A redirect's type is that of its own few words. */
function presentation(found: FoundHead): Pick<FileFact, 'contentType' | 'disposition'> {
  if (!isPlainHead(found)) return {}
  const { headers } = found.response
  const contentType = headers.get('content-type')
  const disposition = headers.get('content-disposition')
  return {
    ...(contentType !== undefined && { contentType }),
    ...(disposition !== undefined && { disposition }),
  }
}
