import { DfhfError } from '../../base/errors.ts'
import { isObject } from '../../base/json-object.ts'
import { isGitBlobId, isSha256 } from '../../blob/oid.ts'
import type { ListedFile } from '../../repo/file-ref.ts'
import { asObject, asSize, asString } from './json-shape.ts'

/** Reads one entry of a tree or of paths-info; undefined for a folder. Throws `bad-response` for what is misshapen. */
export function parseRepoFile(value: unknown): ListedFile | undefined {
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
  return { path, size: asSize(entry.lfs.size ?? size, `LFS size of ${path}`), oid, blobId, ...xetHash }
}

function misshapen(path: string): DfhfError {
  return new DfhfError('bad-response', `the Hub lists no proper blob id for ${path}`)
}
