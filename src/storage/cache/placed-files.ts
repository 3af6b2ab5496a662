import { readdir, readlink, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { isOid } from '../../blob/oid.ts'
import type { PlacedFile } from '../../repo/file-ref.ts'
import { unlessMissing } from '../files/disk-error.ts'

/** All files below a snapshot's folder, links to blobs followed; undefined when there are none. */
export async function listPlaced(folder: string): Promise<PlacedFile[] | undefined> {
  const found: PlacedFile[] = []
  await walk(folder, '', found)
  return found.length === 0 ? undefined : found
}

async function walk(root: string, path: string, found: PlacedFile[]): Promise<void> {
  const entries = (await unlessMissing(readdir(join(root, path), { withFileTypes: true }))) ?? []
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const inside = path === '' ? entry.name : `${path}/${entry.name}`
    if (entry.isDirectory()) {
      await walk(root, inside, found)
      continue
    }
    const file = join(root, inside)
    const stats = await stat(file).catch(() => undefined)
    if (!stats?.isFile()) continue
    const target = entry.isSymbolicLink() ? basename(await readlink(file)) : ''
    found.push({ path: inside, file, size: stats.size, oid: isOid(target) ? target : '' })
  }
}
