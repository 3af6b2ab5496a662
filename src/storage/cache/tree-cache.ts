import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isObject } from '../../base/json-object.ts'
import { isOid, isSha256 } from '../../blob/oid.ts'
import type { ListedFile } from '../../repo/file-ref.ts'
import { writeFileAtomically } from '../files/atomic-write.ts'
import { onDisk } from '../files/disk-error.ts'
import { readPlainText } from '../files/plain-file.ts'

/** About a million files. */
const MAX_TREE_SIZE = 256 * 2 ** 20
const ENTRIES_A_PART = 256

/** The listing that some client left at `path`; undefined when there is none that can be understood. */
export async function readTreeCache(path: string): Promise<ListedFile[] | undefined> {
  const text = await readPlainText(path, MAX_TREE_SIZE)
  return text === undefined ? undefined : parseTreeCache(text)
}

/** Keeps a commit's listing for offline use, in huggingface_hub's own format. Throws `disk-full` or `disk`. */
export async function writeTreeCache(path: string, entries: readonly ListedFile[]): Promise<void> {
  await onDisk('write', path, async () => {
    await mkdir(dirname(path), { recursive: true })
    await writeFileAtomically(path, treeCacheParts(entries))
  })
}

/**
 * The text that Python's `json.dump(…, indent=1)` gives for the listing, files sorted by code points; in parts, since a
 * large repo's is tens of megabytes.
 */
export function* treeCacheParts(entries: readonly ListedFile[]): Generator<string> {
  yield '{\n "format_version": 1,\n "files": {'
  const sorted = [...entries].sort((a, b) => compareCodePoints(a.path, b.path))
  for (let from = 0; from < sorted.length; from += ENTRIES_A_PART) {
    // By hand, since an object would put names that look like numbers first and lose `__proto__`.
    const files = sorted
      .slice(from, from + ENTRIES_A_PART)
      .map((entry) => `  ${quote(entry.path)}: {\n${formatFields(entry)}\n  }`)
    yield `${from > 0 ? ',' : ''}\n${files.join(',\n')}`
  }
  yield sorted.length > 0 ? '\n }\n}' : '}\n}'
}

/** UTF-16 puts what is beyond its first 65,536 characters before some of these. */
function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at += 1) {
    const difference = rankOf(a.charCodeAt(at)) - rankOf(b.charCodeAt(at))
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

function rankOf(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit
}

function formatFields({ size, oid, blobId, xetHash }: ListedFile): string {
  const fields = [`"size": ${size}`, `"blob_id": ${quote(blobId)}`]
  if (isSha256(oid)) fields.push(`"lfs_sha256": ${quote(oid)}`, `"lfs_size": ${size}`)
  if (xetHash !== undefined) fields.push(`"xet_hash": ${quote(xetHash)}`)
  return fields.map((field) => `   ${field}`).join(',\n')
}

/** Python escapes all but ASCII. */
function quote(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Reads such a text, which any user may have written; undefined for another format version, broken JSON or hashes. */
export function parseTreeCache(text: string): ListedFile[] | undefined {
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isObject(data) || data.format_version !== 1 || !isObject(data.files)) return undefined
  const files: ListedFile[] = []
  for (const [path, info] of Object.entries(data.files)) {
    const file = isObject(info) ? parseFields(path, info) : undefined
    if (!file) return undefined
    files.push(file)
  }
  return files
}

function parseFields(path: string, info: Record<string, unknown>): ListedFile | undefined {
  const { size, blob_id: blobId, lfs_sha256: sha256, lfs_size: lfsSize, xet_hash: xetHash } = info
  if (typeof size !== 'number' || typeof blobId !== 'string') return undefined
  const others = { path, blobId, ...(typeof xetHash === 'string' && { xetHash }) }
  if (typeof sha256 === 'string' && typeof lfsSize === 'number')
    return isSha256(sha256) ? { ...others, size: lfsSize, oid: sha256 } : undefined
  return isOid(blobId) ? { ...others, size, oid: blobId } : undefined
}
