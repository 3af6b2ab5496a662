import { repoName } from '../repo/repo.ts'
import { listCachedRepos } from '../storage/cache/cache-contents.ts'
import type { Outcome } from '../ui/outcome.ts'
import { listText } from '../ui/storage-text.ts'
import { isMeant, scanStoreAt } from './cache-parts.ts'
import { pruneCache } from './cache-prune.ts'
import { verifyCache } from './cache-verify.ts'
import type { CommandContext } from './commands.ts'
import type { CacheOptions } from './settings/options.ts'

/** `dfhf cache`: says what the Hugging Face cache and the store hold, checks it, or clears away what is of no use. */
export async function cacheCommand(options: CacheOptions, context: CommandContext): Promise<Outcome> {
  switch (options.action) {
    case 'ls':
      return listCache(options)
    case 'verify':
      return verifyCache(options, context)
    case 'prune':
      return pruneCache(options, context)
  }
}

async function listCache({ places, repo }: CacheOptions): Promise<Outcome> {
  const cached = []
  for await (const each of listCachedRepos(places.cacheDir)) {
    if (!isMeant(each.repo, repo)) continue
    const blobs = each.blobs.map(({ oid, size, usedAtMs }) => ({ oid, size, usedAt: isoTime(usedAtMs) }))
    cached.push({
      repo: repoName(each.repo),
      size: sumOf(each.blobs),
      usedAt: isoTime(each.blobs.reduce((last, { usedAtMs }) => Math.max(last, usedAtMs), 0)),
      revisions: each.revisions.map(({ commit, refs, files }) => ({
        commit,
        refs,
        files: files.length,
        size: sumOf(files),
      })),
      blobs,
    })
  }
  const content = await scanStoreAt(places.storeDir)
  const stored = content.blobs
    .filter(({ repos }) => repo === undefined || repos.some((each) => isMeant(each, repo)))
    .map(({ oid, size, repos, usedAtMs }) => ({
      oid,
      size,
      usedAt: isoTime(usedAtMs),
      repos: repos.map(repoName),
    }))
  const result = {
    cache: { path: places.cacheDir, size: sumOf(cached), repos: cached },
    store: { path: places.storeDir ?? null, size: sumOf(stored), blobs: stored },
  }
  return { kind: 'report', result, text: listText(result) }
}

function sumOf(all: readonly { readonly size: number }[]): number {
  return all.reduce((sum, { size }) => sum + size, 0)
}

function isoTime(unixMs: number): string {
  return new Date(unixMs).toISOString()
}
