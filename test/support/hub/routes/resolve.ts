import { gateRefusal, refusal } from '../access.ts'
import { type Content, readAll } from '../content.ts'
import { type HttpAnswer, type HttpHeaders, type HttpRequest, textAnswer } from '../http/message.ts'
import { contentAnswer } from '../http/ranges.ts'
import type { RepoFile } from '../repo.ts'
import { pluralOf } from '../route.ts'
import type { RevisionContext } from './context.ts'
import { contentType, isCompressible } from './media-type.ts'

/** A file: a regular one by a relative redirect to the cached form, an LFS one by a redirect to the CDN. */
export function resolve(context: RevisionContext): HttpAnswer {
  const { request, route, repo, commit, settings } = context
  const found = findFile(context)
  if ('status' in found) return found
  const etag = `"${found.oid}"`
  const commitHeader = { 'X-Repo-Commit': commit.id }
  if (request.headers.get('if-none-match') === etag)
    return { status: 304, headers: { ...commitHeader, ETag: etag } }
  if (found.lfs) {
    const location = context.signCdnUrl(repo, found.oid, route.path.split('/').at(-1) ?? '')
    const linked = { 'X-Linked-Size': String(found.size), 'X-Linked-Etag': etag }
    const headers = { ...commitHeader, ...linked, ...xetHeaders(context, found), Location: location }
    return textAnswer(302, `Found. Redirecting to ${location}`, { 'Accept-Ranges': 'bytes', ...headers })
  }
  const path = encodeURIComponent(route.path)
  const query = `${encodeURIComponent(request.path)}=&etag=${encodeURIComponent(etag)}`
  const location = `/api/resolve-cache/${pluralOf(repo.type)}/${repo.id}/${commit.id}/${path}?${query}`
  const linked = settings.linksRegularFiles && {
    'X-Linked-Size': String(found.size),
    'X-Linked-Etag': etag,
  }
  return textAnswer(307, `Temporary Redirect. Redirecting to ${location}`, {
    ...commitHeader,
    ...linked,
    Location: location,
    'Accept-Ranges': 'bytes',
  })
}

/** The bytes of a regular file, with all metadata. */
export function resolveCached(context: RevisionContext): HttpAnswer {
  const { request, route, commit } = context
  const found = findFile(context)
  if ('status' in found) return found
  const name = route.path.split('/').at(-1) ?? ''
  const headers = {
    'X-Repo-Commit': commit.id,
    ETag: `"${found.oid}"`,
    'Content-Type': contentType(name),
    'Content-Disposition': `inline; filename*=UTF-8''${encodeURIComponent(name)}`,
  }
  if (request.headers.get('if-none-match') === headers.ETag) return { status: 304, headers }
  return wantsGzip(request, name, found.content)
    ? gzipAnswer(found.content, headers)
    : contentAnswer(request, found.content, headers)
}

/** What git stores: the pointer's text for an LFS file. */
export function raw(context: RevisionContext): HttpAnswer {
  const found = findFile(context)
  if ('status' in found) return found
  const headers = {
    'X-Repo-Commit': context.commit.id,
    ETag: `"${found.gitId}"`,
    'Content-Type': 'text/plain; charset=utf-8',
  }
  if (!found.lfs) return contentAnswer(context.request, found.content, headers)
  return { status: 200, headers, body: { kind: 'bytes', bytes: found.lfs.pointer } }
}

function findFile(context: RevisionContext): RepoFile | HttpAnswer {
  const { repo, commit, route, caller, record } = context
  const refused = gateRefusal(caller, repo)
  if (refused) return refused
  const file = commit.files.get(route.path)
  if (!file) return refusal(404, 'Entry not found', 'EntryNotFound', commit.id)
  record.oid = file.oid
  return file
}

function xetHeaders(context: RevisionContext, file: RepoFile): HttpHeaders {
  const { repo, commit, hubUrl, cdnUrl } = context
  if (file.xetHash === undefined) return {}
  const token = `${hubUrl}/api/${pluralOf(repo.type)}/${repo.id}/xet-read-token/${commit.id}`
  const reconstruction = `${cdnUrl}/cas/v1/reconstructions/${file.xetHash}`
  return {
    'X-Xet-Hash': file.xetHash,
    Link: `<${token}>; rel="xet-auth", <${reconstruction}>; rel="xet-reconstruction-info"`,
  }
}

function wantsGzip(request: HttpRequest, name: string, content: Content): boolean {
  const accepts = /\bgzip\b/.test(request.headers.get('accept-encoding') ?? '')
  return accepts && !request.headers.has('range') && isCompressible(name) && content.size >= 256
}

function gzipAnswer(content: Content, headers: HttpHeaders): HttpAnswer {
  const compressed = Bun.gzipSync(Uint8Array.from(readAll(content)))
  const encoded = { 'Content-Encoding': 'gzip', Vary: 'Accept-Encoding' }
  return {
    status: 200,
    headers: { ...headers, ...encoded, ETag: `W/${headers.ETag}` },
    body: { kind: 'stream', stream: [compressed] },
  }
}
