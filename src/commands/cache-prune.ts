import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { countOf } from '../base/count-of.ts'
import { formatSize } from '../base/size.ts'
import {
  type CachedBlob,
  type CachedRepo,
  listCachedRepos,
  readCachedRepo,
  unreferencedBlobs,
} from '../storage/cache/cache-contents.ts'
import { HfCache } from '../storage/cache/hf-cache.ts'
import { onDisk, unlessMissing } from '../storage/files/disk-error.ts'
import { findOrphans, isReallyInside, type Orphan, removeOrphan } from '../storage/partial/find-orphans.ts'
import { chooseVictims } from '../storage/store/eviction.ts'
import { PinNotes } from '../storage/store/pin-notes.ts'
import { removeStoredBlob } from '../storage/store/store-repos.ts'
import type { StoredBlob } from '../storage/store/store-scan.ts'
import type { Outcome } from '../ui/outcome.ts'
import { textTable } from '../ui/text-table.ts'
import { isMeant, scanStoreAt, storedPath } from './cache-parts.ts'
import type { CommandContext } from './commands.ts'
import type { CacheOptions } from './settings/options.ts'

/** A file that prune removed, or would. */
interface Pruned {
  readonly kind: Orphan['kind'] | 'past quota' | 'unreferenced'
  readonly path: string
  readonly size: number
}

/**
 * `dfhf cache prune`: removes what killed runs left, and where it is asked to the store's blobs past a quota and the
 * blobs of the Hugging Face cache that no snapshot refers to. Never what another process holds.
 */
export async function pruneCache(options: CacheOptions, context: CommandContext): Promise<Outcome> {
  const before = Date.now() - options.olderThanMs
  const pruned: Pruned[] = []
  for await (const each of choose(options, before)) {
    context.signal.throwIfAborted()
    pruned.push(each)
  }
  const size = pruned.reduce((sum, each) => sum + each.size, 0)
  const rows = pruned.map((each) => [each.kind, formatSize(each.size), each.path])
  const verb = options.isDryRun ? 'would be removed' : 'removed'
  return {
    kind: 'report',
    result: { isDryRun: options.isDryRun, size, removed: pruned },
    text: `${textTable(rows)}${countOf(pruned.length, 'file')}, ${formatSize(size)} ${verb}\n`,
  }
}

async function* choose(options: CacheOptions, before: number): AsyncGenerator<Pruned> {
  const { places, repo, isDryRun, isHfCachePruned } = options
  for await (const cached of listCachedRepos(places.cacheDir)) {
    if (!isMeant(cached.repo, repo)) continue
    yield* pruneOrphans(cached.layout.blobs, places.cacheDir, before, isDryRun)
    if (isHfCachePruned) yield* pruneUnreferenced(cached, places.cacheDir, before, isDryRun)
  }
  const { storeDir } = places
  if (storeDir === undefined || repo !== undefined) return
  for (const name of (await onDisk('list', storeDir, () => unlessMissing(readdir(storeDir)))) ?? []) {
    if (/^[0-9a-f]{2}$/.test(name)) yield* pruneOrphans(join(storeDir, name), storeDir, before, isDryRun)
  }
  if (options.storeQuota !== undefined) yield* prunePastQuota(options, storeDir, options.storeQuota)
}

async function* pruneOrphans(
  folder: string,
  root: string,
  before: number,
  isDryRun: boolean,
): AsyncGenerator<Pruned> {
  for (const orphan of await findOrphans(folder, root, before))
    if (isDryRun || (await removeOrphan(orphan))) yield orphan
}

async function* prunePastQuota(
  options: CacheOptions,
  storeDir: string,
  quota: number,
): AsyncGenerator<Pruned> {
  const { blobs: found, partials } = await scanStoreAt(storeDir)
  const pinned = await pinnedOids(options.places.stateDir)
  const blobs: StoredBlob[] = []
  for (const blob of found)
    if (await isReallyInside(storeDir, storedPath(options.places, blob.oid))) blobs.push(blob)
  let used = blobs.reduce((sum, { size }) => sum + size, 0)
  for (const { path, size } of partials) if (await isReallyInside(storeDir, path)) used += size
  const candidates = blobs
    .filter(({ oid }) => !pinned.has(oid))
    .map(({ oid, size, usedAtMs }) => ({ oid, size, usedAtMs, isShared: false }))
  const excess = { overQuota: used - quota, underFloor: 0 }
  for (const { oid, size } of chooseVictims(candidates, excess)) {
    const path = storedPath(options.places, oid)
    if (!options.isDryRun) await removeStoredBlob(path)
    yield { kind: 'past quota', path, size }
  }
}

async function pinnedOids(stateDir: string | undefined): Promise<ReadonlySet<string>> {
  const notes = stateDir === undefined ? [] : await new PinNotes(stateDir).read()
  return new Set(notes.flatMap(({ oids }) => oids))
}

/** Takes each blob's lock first, as every client holds it from the download until the snapshot refers to the blob. */
async function* pruneUnreferenced(
  found: CachedRepo,
  root: string,
  before: number,
  isDryRun: boolean,
): AsyncGenerator<Pruned> {
  const isOld = ({ mtimeMs }: CachedBlob) => mtimeMs < before
  const candidates = unreferencedBlobs(found).filter(isOld)
  if (candidates.length === 0 || !(await isReallyInside(root, found.layout.blobs))) return
  if (isDryRun) return yield* candidates.map(asPruned)
  await using locks = new AsyncDisposableStack()
  const cache = new HfCache(root)
  const locked = new Set<string>()
  for (const { oid } of candidates) {
    const lock = locks.use(await cache.lock(found.repo, oid, { giveUpMs: 0 }))
    if (lock.isHeld) locked.add(oid)
  }
  // A snapshot may have come to refer to one before its lock was taken.
  const still = unreferencedBlobs(await readCachedRepo(root, found.repo)).filter(isOld)
  for (const blob of still) {
    if (!locked.has(blob.oid)) continue
    await onDisk('remove', blob.path, () => rm(blob.path, { force: true }))
    yield asPruned(blob)
  }
}

function asPruned({ path, size }: CachedBlob): Pruned {
  return { kind: 'unreferenced', path, size }
}
