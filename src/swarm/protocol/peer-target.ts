import { isCommit, isOid, type Oid } from '../../blob/oid.ts'
import type { BlobPlace } from '../server/blob-shelf.ts'

/** What a request to the peer API asks for. */
export type PeerTarget =
  | { readonly type: 'health' | 'peers' | 'bye' }
  | { readonly type: 'bundle'; readonly query: URLSearchParams }
  | { readonly type: 'blob' | 'pieces' | 'digests'; readonly oid: Oid; readonly query: URLSearchParams }

const MAX_URL = 4096

/** Reads a request's URL; undefined when the peer API has nothing of that name. */
export function parseTarget(url: string): PeerTarget | undefined {
  if (url.length > MAX_URL || !URL.canParse(url)) return undefined
  const { pathname, searchParams: query } = new URL(url)
  if (pathname === '/healthz') return { type: 'health' }
  if (pathname === '/v1/peers') return { type: 'peers' }
  if (pathname === '/v1/bye') return { type: 'bye' }
  if (pathname === '/v1/blobs') return { type: 'bundle', query }
  const [, oid, part] = /^\/v1\/blobs\/([0-9a-f]+)(?:\/(pieces|digests))?$/.exec(pathname) ?? []
  if (oid === undefined || !isOid(oid)) return undefined
  return { type: part === 'pieces' || part === 'digests' ? part : 'blob', oid, query }
}

/** How many digests one request may ask for. */
const MAX_DIGESTS_ASKED = 256

/** Writes piece numbers as `1,2,5,6`. */
export function formatPieceList(pieces: readonly number[]): string {
  return pieces.join(',')
}

/** Reads `1,2,5-9`, ranges included; undefined when that is no list of at most `MAX_DIGESTS_ASKED` pieces below `pieceCount`. */
export function parsePieceList(text: string | null, pieceCount: number): number[] | undefined {
  const pieces = new Set<number>()
  for (const part of (text ?? '').split(',')) {
    const [, first, last] = /^(\d{1,8})(?:-(\d{1,8}))?$/.exec(part) ?? []
    const from = Number(first)
    const to = Number(last ?? first)
    if (!(from <= to && to < pieceCount && to - from < MAX_DIGESTS_ASKED)) return undefined
    for (let piece = from; piece <= to; piece += 1) pieces.add(piece)
    if (pieces.size > MAX_DIGESTS_ASKED) return undefined
  }
  return [...pieces]
}

/** Query parameters that tell where a blob is on the Hub; `seal` makes them unreadable to all but holders of a key. */
export function formatPlace(
  place: BlobPlace,
  seal?: ((text: string) => string) | undefined,
): Record<string, string> {
  const fields = { repo: place.repo, commit: place.commit, path: place.path }
  return seal ? { sealed: seal(new URLSearchParams(fields).toString()) } : fields
}

/** Reads parameters that were sealed; undefined when there are none. */
export function parseSealedPlace(
  query: URLSearchParams,
  open: (sealed: string) => string | undefined,
): BlobPlace | undefined {
  const sealed = query.get('sealed')
  const text = sealed === null ? undefined : open(sealed)
  return text === undefined ? undefined : parsePlace(new URLSearchParams(text))
}

/** Reads `formatPlace`'s parameters; undefined unless all three are there and well-formed. */
export function parsePlace(query: URLSearchParams): BlobPlace | undefined {
  const [repo = '', commit = '', path = ''] = ['repo', 'commit', 'path'].map((key) => query.get(key) ?? '')
  const isRepo = /^(?:(?:datasets|spaces)\/)?[\w.-]{1,96}(?:\/[\w.-]{1,96})?$/.test(repo)
  const isPath = path.length > 0 && path.length <= 1024 && !/\p{Cc}/u.test(path)
  const hasDots = [...repo.split('/'), ...path.split('/')].some((part) => /^\.{0,2}$/.test(part))
  return isRepo && isCommit(commit) && isPath && !hasDots ? { repo, commit, path } : undefined
}
