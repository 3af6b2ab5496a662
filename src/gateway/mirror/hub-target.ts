import { DfhfError } from '../../base/errors.ts'
import { isCommit } from '../../blob/oid.ts'
import { checkRepoId, pluralOf, type Repo, type RepoType, repoTypes } from '../../repo/repo.ts'
import { isSafeRepoPath } from '../../repo/repo-path.ts'

/** What a path on the Hub's host means to the gateway. */
export type HubTarget =
  /** A file's content. `revision` and `path` are decoded. */
  | { readonly kind: 'file'; readonly repo: Repo; readonly revision: string; readonly path: string }
  /** JSON about a repo, which may announce Xet. */
  | { readonly kind: 'api'; readonly repo: Repo; readonly verb: string }
  /** The way to Xet's own servers, which the gateway does not show. */
  | { readonly kind: 'xet-token' }
  | { readonly kind: 'git'; readonly repo: Repo }
  | { readonly kind: 'lfs-batch'; readonly repo: Repo }
  | { readonly kind: 'lfs-object'; readonly repo: Repo; readonly oid: string }
  | { readonly kind: 'other' }

const other: HubTarget = { kind: 'other' }

/** Reads the path of a URL on the Hub's host, as it is encoded there. What is misshapen is 'other'. */
export function parseHubTarget(pathname: string): HubTarget {
  const segments = pathname.slice(1).split('/')
  try {
    return segments[0] === 'api' ? parseApi(segments.slice(1)) : parsePlain(segments)
  } catch (error) {
    if (error instanceof URIError || error instanceof DfhfError) return other
    throw error
  }
}

const verbs = ['revision', 'tree', 'paths-info', 'refs', 'commits', 'xet-read-token', 'discussions']

function parseApi(segments: readonly string[]): HubTarget {
  if (segments[0] === 'resolve-cache') return parseResolveCache(segments.slice(1))
  const type = typeOf(segments[0])
  if (!type || segments.length < 2) return other
  const rest = segments.slice(1)
  const at = rest.findIndex((part, index) => (index === 1 || index === 2) && verbs.includes(part))
  const end = at < 0 ? rest.length : at
  if (end > 2) return other
  const verb = rest[at] ?? 'info'
  if (verb === 'xet-read-token') return { kind: 'xet-token' }
  return { kind: 'api', repo: { type, id: idOf(rest.slice(0, end)) }, verb }
}

/** `/api/resolve-cache/{types}/{id}/{commit}/{path}`, where the path's slashes may be %2F. */
function parseResolveCache(segments: readonly string[]): HubTarget {
  const type = typeOf(segments[0])
  const at = segments.findIndex((part, index) => index >= 2 && index <= 3 && isCommit(part))
  if (!type || at < 0) return other
  return fileAt({ type, id: idOf(segments.slice(1, at)) }, segments[at] ?? '', segments.slice(at + 1))
}

function parsePlain(segments: readonly string[]): HubTarget {
  const prefix = segments[0] === 'models' ? undefined : typeOf(segments[0])
  const rest = prefix ? segments.slice(1) : segments
  const type = prefix ?? 'model'
  const at = rest.findIndex((part, index) => (index === 1 || index === 2) && part === 'resolve')
  if (at > 0 && rest.length >= at + 3) {
    return fileAt({ type, id: idOf(rest.slice(0, at)) }, rest[at + 1] ?? '', rest.slice(at + 2))
  }
  return parseGit(type, rest)
}

/** `{id}[.git]/info/refs`, `/git-upload-pack`, `/info/lfs/objects/batch`, and our own `/info/lfs/objects/<oid>`. */
function parseGit(type: RepoType, rest: readonly string[]): HubTarget {
  const at = rest.findIndex(
    (part, index) =>
      index >= 1 && index <= 2 && (part === 'info' || part === 'git-upload-pack' || part === 'HEAD'),
  )
  if (at < 0) return other
  const repo = { type, id: idOf(rest.slice(0, at)).replace(/\.git$/, '') }
  checkRepoId(repo.id)
  const tail = rest.slice(at).join('/')
  if (tail === 'info/lfs/objects/batch') return { kind: 'lfs-batch', repo }
  const oid = /^info\/lfs\/objects\/([0-9a-f]{64})$/.exec(tail)?.[1]
  if (oid !== undefined) return { kind: 'lfs-object', repo, oid }
  return tail === 'info/refs' || tail === 'git-upload-pack' || tail === 'HEAD' ? { kind: 'git', repo } : other
}

function fileAt(repo: Repo, revision: string, path: readonly string[]): HubTarget {
  const decoded = decodeURIComponent(path.join('/'))
  if (!isSafeRepoPath(decoded)) return other
  return { kind: 'file', repo, revision: decodeURIComponent(revision), path: decoded }
}

function typeOf(text: string | undefined): RepoType | undefined {
  return repoTypes.find((type) => pluralOf(type) === text)
}

function idOf(segments: readonly string[]): string {
  const id = decodeURIComponent(segments.join('/'))
  return id.endsWith('.git') ? id : checkRepoId(id)
}
