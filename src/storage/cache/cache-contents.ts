import { lstat, readdir, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { type Commit, isCommit, isOid, type Oid } from '../../blob/oid.ts'
import type { PlacedFile } from '../../repo/file-ref.ts'
import type { Repo } from '../../repo/repo.ts'
import { onDisk, unlessMissing } from '../files/disk-error.ts'
import { parseRepoFolderName, RepoLayout } from './cache-layout.ts'
import { listPlaced } from './placed-files.ts'
import { readRefFile } from './ref-file.ts'

/** A whole blob in a repo's folder. */
export interface CachedBlob {
  readonly oid: Oid
  readonly path: string
  readonly size: number
  /** When it was last read or written, in Unix milliseconds, as exact as the file system keeps it. */
  readonly usedAtMs: number
  readonly mtimeMs: number
  /** False for a link into a shared store. */
  readonly isPlain: boolean
}

/** A commit of which files are in the cache. */
interface CachedRevision {
  readonly commit: Commit
  /** The branches and tags that pointed at it when they were last resolved. */
  readonly refs: readonly string[]
  readonly files: readonly PlacedFile[]
}

/** All that a Hugging Face cache has of one repo. */
export interface CachedRepo {
  readonly repo: Repo
  readonly layout: RepoLayout
  readonly blobs: readonly CachedBlob[]
  readonly revisions: readonly CachedRevision[]
}

/** The repos of the cache at `root`, one after the other; none where there is no cache. Changes nothing. */
export async function* listCachedRepos(root: string): AsyncGenerator<CachedRepo> {
  const names = (await onDisk('list', root, () => unlessMissing(readdir(root)))) ?? []
  for (const name of names.sort()) {
    const repo = parseRepoFolderName(name)
    if (repo !== undefined) yield await readCachedRepo(root, repo)
  }
}

/** What the cache at `root` has of one repo now. */
export async function readCachedRepo(root: string, repo: Repo): Promise<CachedRepo> {
  const layout = new RepoLayout(root, repo)
  return { repo, layout, blobs: await readBlobs(layout.blobs), revisions: await readRevisions(layout) }
}

/**
 * The blobs that no snapshot links to. None where a snapshot has plain files in place of links, as on systems without
 * links: nothing says then which blobs those are.
 */
export function unreferencedBlobs({ blobs, revisions }: CachedRepo): CachedBlob[] {
  const files = revisions.flatMap((revision) => revision.files)
  if (files.some(({ oid }) => oid === '')) return []
  const linked = new Set<string>(files.map(({ oid }) => oid))
  return blobs.filter(({ oid, isPlain }) => isPlain && !linked.has(oid))
}

async function readBlobs(folder: string): Promise<CachedBlob[]> {
  const blobs: CachedBlob[] = []
  for (const oid of (await onDisk('list', folder, () => unlessMissing(readdir(folder)))) ?? []) {
    if (!isOid(oid)) continue
    const path = join(folder, oid)
    const stats = await unlessMissing(stat(path)).catch(() => undefined)
    if (!stats?.isFile()) continue
    const isPlain = (await unlessMissing(lstat(path)))?.isFile() === true
    const usedAtMs = Math.max(stats.atimeMs, stats.mtimeMs)
    blobs.push({ oid, path, size: stats.size, usedAtMs, mtimeMs: stats.mtimeMs, isPlain })
  }
  return blobs
}

async function readRevisions(layout: RepoLayout): Promise<CachedRevision[]> {
  const refs = await readRefs(layout.refs)
  const revisions: CachedRevision[] = []
  const folder = join(layout.folder, 'snapshots')
  for (const commit of (await onDisk('list', folder, () => unlessMissing(readdir(folder)))) ?? []) {
    if (!isCommit(commit)) continue
    const files = (await listPlaced(layout.snapshot(commit))) ?? []
    revisions.push({ commit, refs: refs.get(commit) ?? [], files })
  }
  return revisions
}

/** The names of branches and tags by their commits. */
async function readRefs(folder: string): Promise<Map<Commit, string[]>> {
  const refs = new Map<Commit, string[]>()
  const entries = (await unlessMissing(readdir(folder, { recursive: true, withFileTypes: true }))) ?? []
  for (const entry of entries) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const commit = await readRefFile(path)
    if (commit === undefined) continue
    const names = refs.get(commit) ?? []
    refs.set(commit, names)
    names.push(relative(folder, path).replaceAll(sep, '/'))
  }
  return refs
}
