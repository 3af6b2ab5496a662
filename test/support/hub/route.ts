import type { RepoType } from './repo.ts'

/** What a request asks for. */
export type RouteKind =
  | 'resolve'
  | 'resolve-cache'
  | 'raw'
  | 'info'
  | 'tree'
  | 'paths-info'
  | 'refs'
  | 'commits'
  | 'xet-read-token'
  | 'whoami'
  | 'lfs-batch'
  | 'git'
  | 'cdn'
  | 'cas'
  | 'other'

/** A target taken apart; everything is decoded, `revision` only after the split. */
export interface Route {
  readonly kind: RouteKind
  readonly type: RepoType
  readonly id: string
  readonly revision: string
  readonly path: string
}

const plural: Record<string, RepoType> = {
  models: 'model',
  datasets: 'dataset',
  spaces: 'space',
  kernels: 'kernel',
}

const apiVerbs: Record<string, RouteKind> = {
  revision: 'info',
  tree: 'tree',
  'paths-info': 'paths-info',
  refs: 'refs',
  commits: 'commits',
  'xet-read-token': 'xet-read-token',
}

/** Reads an encoded path; what it does not know is 'other'. */
export function parseRoute(path: string): Route {
  const none: Route = { kind: 'other', type: 'model', id: '', revision: '', path: '' }
  if (path === '/api/whoami-v2') return { ...none, kind: 'whoami' }
  const segments = path.slice(1).split('/')
  try {
    return parseApi(segments) ?? parseGit(segments) ?? parsePlain(segments) ?? none
  } catch {
    return none
  }
}

/** The plural by which API URLs name a repo type. */
export function pluralOf(type: RepoType): string {
  return `${type}s`
}

function parseApi(segments: readonly string[]): Route | undefined {
  const cached = segments[0] === 'api' && segments[1] === 'resolve-cache'
  const rest = segments.slice(cached ? 2 : 1)
  const type = plural[rest[0] ?? '']
  if (segments[0] !== 'api' || type === undefined) return undefined
  if (cached) {
    const at = rest.findIndex((part) => /^[0-9a-f]{40}$/.test(part))
    if (at < 2) return undefined
    return route('resolve-cache', type, rest.slice(1, at), rest[at], rest.slice(at + 1))
  }
  const at = rest.findIndex((part, index) => index >= 2 && index <= 3 && apiVerbs[part] !== undefined)
  if (at < 0) return rest.length <= 3 ? route('info', type, rest.slice(1), '', []) : undefined
  return route(apiVerbs[rest[at] ?? ''] ?? 'other', type, rest.slice(1, at), rest[at + 1], rest.slice(at + 2))
}

function parseGit(segments: readonly string[]): Route | undefined {
  const { type, rest } = splitPrefix(segments)
  const at = rest.findIndex((part, index) => index < 2 && part.endsWith('.git'))
  const bare = rest.findIndex((part) => part === 'info' || part === 'git-upload-pack')
  const end = at >= 0 ? at + 1 : bare
  if (end < 1 || end > 2) return undefined
  const tail = rest.slice(end).join('/')
  const id = rest
    .slice(0, end)
    .join('/')
    .replace(/\.git$/, '')
  if (tail === 'info/lfs/objects/batch') return { kind: 'lfs-batch', type, id, revision: '', path: tail }
  if (/^(HEAD|info\/refs|git-upload-pack|objects\/.*)$/.test(tail)) {
    return { kind: 'git', type, id, revision: '', path: tail }
  }
  return undefined
}

function parsePlain(segments: readonly string[]): Route | undefined {
  const { type, rest } = splitPrefix(segments)
  const at = rest.findIndex(
    (part, index) => index >= 1 && index <= 2 && (part === 'resolve' || part === 'raw'),
  )
  if (at < 0 || rest.length < at + 3) return undefined
  const kind = rest[at] === 'raw' ? 'raw' : 'resolve'
  return route(kind, type, rest.slice(0, at), rest[at + 1], rest.slice(at + 2))
}

function splitPrefix(segments: readonly string[]): { type: RepoType; rest: readonly string[] } {
  const type = plural[segments[0] ?? '']
  return type === undefined || segments[0] === 'models'
    ? { type: type ?? 'model', rest: type ? segments.slice(1) : segments }
    : { type, rest: segments.slice(1) }
}

function route(
  kind: RouteKind,
  type: RepoType,
  id: readonly string[],
  revision: string | undefined,
  path: readonly string[],
): Route {
  return {
    kind,
    type,
    id: decodeURIComponent(id.join('/')),
    revision: decodeURIComponent(revision ?? ''),
    path: decodeURIComponent(path.join('/')),
  }
}
