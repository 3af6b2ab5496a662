import { type Commit, isCommit, isEmptyOid, isSha256, type Oid } from '../../blob/oid.ts'
import type { HttpResponse } from '../../http/http-response.ts'
import { walkRedirects } from '../../http/redirects.ts'
import { isHubRedirect } from '../hub-hosts.ts'
import { oidOfEtag } from './etag.ts'

/** What the response to a HEAD of a file tells of its content. */
export interface FileHead {
  readonly oid: Oid | undefined
  readonly size: number | undefined
  /**
   * False where the oid is only a plain file's ETag. The Hub writes the git id there; a mirror may write any digest of
   * the bytes (Artifactory: their sha1), which looks just like a git id.
   */
  readonly isLinked: boolean
}

/** The response at the end of a walk along the Hub's own redirects. */
export interface FoundHead {
  readonly kind: 'found'
  readonly response: HttpResponse
  /** The commit that one of the responses named. */
  readonly commit: Commit
  /** The address that the response came from. */
  readonly url: URL
  /** Where it leads, when it leads on: off the Hub, or to a URL signed for one GET. */
  readonly target: URL | undefined
}

/** A refusal met on the way; its body was not read. */
interface RefusedHead {
  readonly kind: 'refused'
  readonly response: HttpResponse
}

/** No response on the way named a commit, as the Hub's do: another kind of server answers there. */
interface ForeignHead {
  readonly kind: 'foreign'
}

/**
 * Follows HEADs from a resolve address to the response that has the file's metadata. `send` decides for each address
 * which other headers go along. Throws `bad-response` for too many redirects.
 */
export async function walkToHead(
  start: URL,
  endpoint: URL,
  send: (request: {
    readonly method: 'HEAD'
    readonly url: URL
    readonly headers: Readonly<Record<string, string>>
  }) => Promise<HttpResponse>,
): Promise<FoundHead | RefusedHead | ForeignHead> {
  let commit: Commit | undefined
  const sendAndNote = async (url: URL) => {
    // The length of packed bytes would not be the file's.
    const response = await send({ method: 'HEAD', url, headers: { 'accept-encoding': 'identity' } })
    const said = response.headers.get('x-repo-commit')
    if (said !== undefined && isCommit(said)) commit = said
    return response
  }
  const { url, response, target } = await walkRedirects(start, sendAndNote, {
    follows: (redirect) =>
      !hasLinkedFile(redirect.response) && isHubRedirect(redirect.url, redirect.target, endpoint),
  })
  if (response.status >= 400) return { kind: 'refused', response }
  await response.discard()
  return commit === undefined ? { kind: 'foreign' } : { kind: 'found', response, commit, url, target }
}

/** True when the response's own headers are the file's; those of a redirect, or of packed bytes, describe other bytes. */
export function isPlainHead({ response, target }: Pick<FoundHead, 'response' | 'target'>): boolean {
  return target === undefined && (response.headers.get('content-encoding') ?? 'identity') === 'identity'
}

/** Reads oid and size; what cannot be believed is left out. */
export function readHead(found: Pick<FoundHead, 'response' | 'target'>): FileHead {
  const { headers } = found.response
  const linked = headers.get('x-linked-etag')
  const oid = oidOfEtag(linked ?? headers.get('etag'))
  const size =
    headers.get('x-linked-size') ?? (isPlainHead(found) ? headers.get('content-length') : undefined)
  const isNumber = size !== undefined && /^\d{1,15}$/.test(size)
  // Some proxies (Nexus among them) answer every HEAD with the length of the body that it does not have.
  const isBelieved = isNumber && (Number(size) > 0 || (oid !== undefined && isEmptyOid(oid)))
  return { oid, size: isBelieved ? Number(size) : undefined, isLinked: linked !== undefined }
}

/** True for the redirect of an LFS file, which tells everything itself and leads to a URL signed for one GET. */
function hasLinkedFile({ headers }: HttpResponse): boolean {
  const oid = oidOfEtag(headers.get('x-linked-etag'))
  return oid !== undefined && isSha256(oid) && headers.get('x-linked-size') !== undefined
}
