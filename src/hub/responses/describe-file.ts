import type { DescribedFile } from '../../repo/file-ref.ts'
import type { Repo } from '../../repo/repo.ts'
import type { HubSession } from '../hub-session.ts'
import { type FoundHead, readHead } from './file-head.ts'
import { pathsInfo } from './paths-info.ts'

/** What the Hub says of a file, and whether its headers or the listing said it. */
interface FileDescription {
  readonly file: DescribedFile & { readonly location: string }
  /** False where the listing told it. */
  readonly isInHead: boolean
}

/**
 * Reads what a HEAD found of a file. The listing of its commit is asked where the headers leave size or oid open, or where
 * the endpoint's ETags are known to be no git ids; undefined where the listing lacks the file.
 */
export async function describeFile(
  session: HubSession,
  head: FoundHead,
  asked: { readonly repo: Repo; readonly path: string; readonly signal: AbortSignal | undefined },
): Promise<FileDescription | undefined> {
  const { repo, path, signal } = asked
  const { commit } = head
  const location = (head.target ?? head.url).href
  const { oid, size, isLinked } = readHead(head)
  if (oid !== undefined && size !== undefined && (isLinked || session.plainEtags.areGitIds))
    return { file: { commit, path, oid, size, location, isOidUnsure: !isLinked }, isInHead: true }
  const [listed] = await pathsInfo(session, repo, commit, [path], { signal })
  if (!listed) return undefined
  return { file: { commit, path, oid: listed.oid, size: listed.size, location }, isInHead: false }
}
