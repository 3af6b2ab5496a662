import { DfhfError } from '../../base/errors.ts'
import { type GitBlobId, isOid, isSha256, type Oid, type Sha256 } from '../../blob/oid.ts'
import { asObject, asSize, asString, isObject } from './json-shape.ts'

/** A file of a repo at one commit, as the tree lists it. */
export interface RepoFile {
  /** As the Hub wrote it; where it may be put is checked when it is wanted. */
  readonly path: string
  /** The content's size in bytes. */
  readonly size: number
  /** What the content hashes to. */
  readonly oid: Oid
  /** The git blob id; of an LFS file that of its pointer. */
  readonly blobId: GitBlobId
  readonly lfs?: { readonly oid: Sha256; readonly size: number }
  readonly xetHash?: string
}

/** Reads one entry of a tree or of paths-info; undefined for a folder. Throws `bad-response` for what is misshapen. */
export function parseRepoFile(value: unknown): RepoFile | undefined {
  const entry = asObject(value, 'file entry')
  if (entry.type !== 'file') return undefined
  const path = asString(entry.path, 'path of a file')
  const blobId = asString(entry.oid, `blob id of ${path}`)
  if (!isGitBlobId(blobId)) throw misshapen(path)
  const size = asSize(entry.size, `size of ${path}`)
  const xetHash =
    typeof entry.xetHash === 'string' && isSha256(entry.xetHash) ? { xetHash: entry.xetHash } : {}
  if (!isObject(entry.lfs)) return { path, size, oid: blobId, blobId, ...xetHash }
  const oid = asString(entry.lfs.oid, `LFS oid of ${path}`)
  if (!isSha256(oid)) throw misshapen(path)
  const lfs = { oid, size: asSize(entry.lfs.size ?? size, `LFS size of ${path}`) }
  return { path, size: lfs.size, oid, blobId, lfs, ...xetHash }
}

function isGitBlobId(text: string): text is GitBlobId {
  return isOid(text) && !isSha256(text)
}

function misshapen(path: string): DfhfError {
  return new DfhfError('bad-response', `the Hub lists no proper blob id for ${path}`)
}
