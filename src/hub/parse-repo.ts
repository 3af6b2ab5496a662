import { DfhfError } from '../base/errors.ts'
import { withoutEndSlashes } from '../base/without-end-slashes.ts'
import {
  checkRepoId,
  checkRevision,
  pluralOf,
  type RepoReference,
  type RepoType,
  repoTypes,
} from '../repo/repo.ts'
import { isSafeRepoPath } from '../repo/repo-path.ts'
import { parseEndpoint } from './endpoint.ts'
import { isOfficialHost } from './hub-hosts.ts'

/** What is known beside the text. */
interface ParseOptions {
  /** The type that the user chose apart from the text; the text may repeat it, not contradict it. */
  readonly type?: RepoType | undefined
  /** HF_ENDPOINT: its URLs are understood beside huggingface.co's. */
  readonly endpoint?: string | undefined
}

const MAX_SPELLING = 16_384

/** A bare ref with slashes that is taken whole where a path may follow; other slashes are written %2F there. */
const eagerRef = /^refs\/(?:convert\/[\w.-]+|pr\/\d+)(?=\/|$)/

/**
 * Parses every spelling of a repo: `org/name`, `name`, `org/name@revision`, `datasets/org/name`,
 * `hf://[type/]org/name[@revision][/path]`, or the address of a page of the Hub. Throws `usage`.
 */
export function parseRepo(text: string, options: ParseOptions = {}): RepoReference {
  const trimmed = text.trim()
  const reference = parseSpelling(trimmed, options)
  const { typeIsWritten, ...plain } = reference
  const type = options.type ?? plain.type
  if (typeIsWritten && type !== plain.type) {
    throw usage(`'${trimmed}' is a ${plain.type}, not a ${type}`, 'leave the repo type out')
  }
  return { ...plain, type }
}

type Parsed = RepoReference & { readonly typeIsWritten: boolean }

function parseSpelling(text: string, options: ParseOptions): Parsed {
  if (text.length > MAX_SPELLING)
    throw usage(`no repo has so long a name: '${text.slice(0, 40)}…'`, 'write it as org/name')
  if (text === '') throw usage('no repo given', 'write it as org/name')
  if (/^hf:\/\//i.test(text)) return parseUri(text)
  if (/^https?:\/\//i.test(text)) return parseUrl(new URL(checkUrl(text)), options)
  const host = text.split('/', 1)[0] ?? ''
  if (text.includes('/') && isOfficialHost(host)) return parseUrl(new URL(`https://${text}`), options)
  return parsePlain(text)
}

function parsePlain(text: string): Parsed {
  const at = text.indexOf('@')
  const location = at < 0 ? text : text.slice(0, at)
  const { type, rest } = splitType(location.split('/'), text)
  if (rest.length > 2) {
    throw usage(`not a repo: '${text}'`, `for a file in it write hf://${rest.slice(0, 2).join('/')}/path`)
  }
  return build(type, rest.join('/'), at < 0 ? undefined : decode(text.slice(at + 1)), undefined)
}

function parseUri(text: string): Parsed {
  const written = withoutEndSlashes(text.slice('hf://'.length))
  const { type, rest } = splitType(written.split('/'), text)
  const parsed = parseUriBody(type, rest)
  return parsed.path !== undefined && text.endsWith('/') ? { ...parsed, path: `${parsed.path}/` } : parsed
}

function parseUriBody(type: RepoType | undefined, rest: readonly string[]): Parsed {
  const body = rest.join('/')
  const at = body.indexOf('@')
  const hasRevision = at >= 0 && body.slice(0, at).split('/').length <= 2
  if (!hasRevision) return build(type, rest.slice(0, 2).join('/'), undefined, rest.slice(2).join('/'))
  const [revision, path] = splitRevision(body.slice(at + 1))
  return build(type, body.slice(0, at), revision, path)
}

function parseUrl(url: URL, options: ParseOptions): Parsed {
  const endpoint = options.endpoint === undefined ? undefined : parseEndpoint(options.endpoint)
  const isEndpoint = endpoint !== undefined && url.host === endpoint.host
  if (!isEndpoint && !isOfficialHost(url.host)) {
    throw usage(`not a page of the Hub: '${url.host}'`, 'write the repo as org/name, or set HF_ENDPOINT')
  }
  const base = isEndpoint ? withoutEndSlashes(endpoint.pathname) : ''
  const pathname = url.pathname.startsWith(`${base}/`) ? url.pathname.slice(base.length) : url.pathname
  const { type, rest } = splitType(
    pathname.split('/').filter((part) => part !== ''),
    url.href,
  )
  const verbs = ['tree', 'blob', 'resolve', 'raw', 'commit', 'commits']
  const verbAt = [1, 2].find((index) => verbs.includes(rest[index] ?? ''))
  if (verbAt === undefined) {
    if (rest.length > 2)
      throw usage(`no repo or file is at this address: '${url.pathname}'`, 'write it as org/name')
    return build(type, rest.join('/'), undefined, undefined)
  }
  const [revision, written] = splitRevision(rest.slice(verbAt + 1).join('/'))
  const path = written === undefined ? undefined : decode(written)
  const parsed = build(type, rest.slice(0, verbAt).join('/'), revision, path)
  // The pages of folders have a verb of their own; a slash at the end is how a folder is written everywhere else.
  return rest[verbAt] === 'tree' && path !== undefined ? { ...parsed, path: `${path}/` } : parsed
}

function splitType(segments: readonly string[], text: string): { type?: RepoType; rest: readonly string[] } {
  const [first = '', ...rest] = segments
  if (first === 'buckets' && rest.length > 0) {
    throw usage(`'${text}' is a bucket`, 'only models, datasets, spaces and kernels can be downloaded')
  }
  const type = repoTypes.find((known) => pluralOf(known) === first)
  if (type && rest.length > 0) return { type, rest }
  const singular = repoTypes.find((known) => known === first)
  if (singular && rest.length > 1)
    throw usage(`not a repo: '${text}'`, `did you mean ${pluralOf(singular)}/${rest.join('/')}?`)
  return { rest: segments }
}

/** Splits `revision/path`; a revision's own slashes are written %2F, except in refs/pr/N and refs/convert/x. */
function splitRevision(text: string): [revision: string, path: string | undefined] {
  const ref = eagerRef.exec(text)?.[0] ?? text.split('/', 1)[0] ?? ''
  const path = text.slice(ref.length + 1)
  return [decode(ref), path === '' ? undefined : path]
}

function build(
  type: RepoType | undefined,
  id: string,
  revision: string | undefined,
  path: string | undefined,
): Parsed {
  if (path && !isSafeRepoPath(path))
    throw usage(`not a path in a repo: '${path}'`, 'give it without .. or //')
  return {
    type: type ?? 'model',
    id: checkRepoId(id),
    ...(revision === undefined ? {} : { revision: checkRevision(revision) }),
    ...(path ? { path } : {}),
    typeIsWritten: type !== undefined,
  }
}

function checkUrl(text: string): string {
  if (URL.canParse(text)) return text
  throw usage(`not an address: '${text}'`, 'write the repo as org/name')
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function usage(message: string, hint: string): DfhfError {
  return new DfhfError('usage', message, { hint })
}
