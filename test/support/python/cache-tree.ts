import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join, relative } from 'node:path'

/** One entry of a folder as another folder's entry must equal it. */
export type CacheEntry =
  | { readonly kind: 'folder' }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'file'; readonly sha256: string }

/** Everything below a folder by its path with slashes; links are not followed. */
export function listCacheTree(folder: string): Record<string, CacheEntry> {
  const tree: Record<string, CacheEntry> = {}
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name)
    const path = relative(folder, file).split('\\').join('/')
    if (entry.isSymbolicLink()) tree[path] = { kind: 'link', target: readlinkSync(file) }
    else if (entry.isDirectory()) tree[path] = { kind: 'folder' }
    else tree[path] = { kind: 'file', sha256: createHash('sha256').update(readFileSync(file)).digest('hex') }
  }
  return Object.fromEntries(Object.entries(tree).sort(([a], [b]) => (a < b ? -1 : 1)))
}
