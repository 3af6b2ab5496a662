import { readdir, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { type Commit, isCommit, isOid } from '../../blob/oid.ts'
import type { PlacedFile } from '../../repo/file-ref.ts'
import type { LocalLayout } from './local-layout.ts'
import { type LocalMetadata, readLocalMetadata } from './local-metadata.ts'

/** The commit whose list of files was kept last in a local dir; without any, the one of the newest note on a file. */
export async function lastCommit(layout: LocalLayout): Promise<Commit | undefined> {
  let last: { readonly commit: Commit; readonly at: number } | undefined
  for (const name of await readdir(layout.trees).catch(() => [])) {
    const commit = name.replace(/\.json$/, '')
    const stats = await stat(join(layout.trees, name)).catch(() => undefined)
    if (isCommit(commit) && stats && stats.mtimeMs > (last?.at ?? 0)) last = { commit, at: stats.mtimeMs }
  }
  if (last) return last.commit
  for await (const { metadata } of noted(layout)) {
    if (metadata.timestamp > (last?.at ?? 0)) last = { commit: metadata.commit, at: metadata.timestamp }
  }
  return last?.commit
}

/** The files that were put there from a commit and not changed since, as the notes have it; undefined for none. */
export async function listNoted(layout: LocalLayout, commit: Commit): Promise<PlacedFile[] | undefined> {
  const found: PlacedFile[] = []
  for await (const { path, metadata } of noted(layout)) {
    if (metadata.commit !== commit) continue
    const file = layout.file(path)
    const { size } = await stat(file)
    found.push({ path, file, size, oid: isOid(metadata.etag) ? metadata.etag : '' })
  }
  return found.length === 0 ? undefined : found
}

async function* noted(
  layout: LocalLayout,
): AsyncGenerator<{ readonly path: string; readonly metadata: LocalMetadata }> {
  const entries = await readdir(layout.notes, { recursive: true, withFileTypes: true }).catch(() => [])
  for (const entry of entries) {
    if (!entry.isFile() || !entry.name.endsWith('.metadata')) continue
    const note = join(entry.parentPath, entry.name)
    const path = relative(layout.notes, note)
      .split(sep)
      .join('/')
      .replace(/\.metadata$/, '')
    const metadata = await readLocalMetadata(note, layout.file(path))
    if (metadata) yield { path, metadata }
  }
}
