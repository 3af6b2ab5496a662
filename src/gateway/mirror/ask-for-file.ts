import type { HttpResponse } from '../../http/http-response.ts'
import { describeFile } from '../../hub/responses/describe-file.ts'
import { type FoundHead, isPlainHead, walkToHead } from '../../hub/responses/file-head.ts'
import type { Repo } from '../../repo/repo.ts'
import type { Credentials } from '../access/credentials.ts'
import type { HeaderLine } from '../message.ts'
import { responseHeaders } from '../relayed-headers.ts'
import type { FileFact } from './file-fact.ts'
import type { HubUpstream } from './hub-upstream.ts'

/** What the Hub says when it is asked for a file in a client's name. */
export type FileVerdict =
  | { readonly kind: 'file'; readonly fact: FileFact }
  /** The Hub said no. Addresses in the headers lead to the Hub itself. */
  | { readonly kind: 'refused'; readonly status: number; readonly headers: readonly HeaderLine[] }
  /** It is there, but the Hub does not say what its bytes must hash to. */
  | { readonly kind: 'opaque' }

/** The file that is asked about, and the client that asks. */
export interface FileQuestion {
  readonly repo: Repo
  readonly path: string
  /** Path and query, as the client sent them. */
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly credentials: Credentials
  readonly signal: AbortSignal
}

/** Follows a HEAD to the response that has all metadata. Throws `network` and `timeout`. */
export async function askForFile(hub: HubUpstream, question: FileQuestion): Promise<FileVerdict> {
  const { repo, path, signal, credentials } = question
  const found = await walkToHead(hub.urlOf(question.target), hub.endpoint, ({ url, headers, ...request }) =>
    hub.http.request({
      ...request,
      url,
      headers: { ...hub.headersFor(url, question.headers), ...headers },
      signal,
    }),
  )
  if (found.kind === 'refused') return await refused(hub, found.response)
  if (found.kind === 'foreign') return { kind: 'opaque' }
  const { session } = hub.clientFor(credentials, question.headers['user-agent'] ?? 'dfhf')
  const described = await describeFile(session, found, { repo, path, signal })
  if (!described) return { kind: 'opaque' }
  const { file, isInHead } = described
  return { kind: 'file', fact: { ...(isInHead && presentation(found)), ...file } }
}

async function refused(hub: HubUpstream, response: HttpResponse): Promise<FileVerdict> {
  await response.discard()
  const lines = responseHeaders(response.headers, { base: hub.endpoint.origin, endpoint: hub.endpoint })
  const kept = lines.filter(([name]) => name !== 'content-length' && name !== 'content-encoding')
  return { kind: 'refused', status: response.status, headers: kept }
}

/** The file's type and disposition. A redirect's type is that of its own text, and so is left out. */
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
