import { countOf } from '../base/count-of.ts'
import { DfhfError } from '../base/errors.ts'
import { formatSize } from '../base/size.ts'
import { HashService } from '../hash/hash-service.ts'
import { repoName } from '../repo/repo.ts'
import { listCachedRepos } from '../storage/cache/cache-contents.ts'
import type { HashFile } from '../storage/files/hash-file.ts'
import { KeptSums } from '../storage/partial/kept-sums.ts'
import { VerifiedFiles } from '../storage/store/verified-files.ts'
import type { Outcome } from '../ui/outcome.ts'
import { safeText } from '../ui/safe-text.ts'
import { type BlobToCheck, isMeant, scanStoreAt, storedPath } from './cache-parts.ts'
import { CacheRepair } from './cache-repair.ts'
import type { CommandContext } from './commands.ts'
import type { CacheOptions } from './settings/options.ts'

/** `dfhf cache verify`: reads every blob, and with `--repair` puts right those that do not hold what their names say. */
export async function verifyCache(options: CacheOptions, context: CommandContext): Promise<Outcome> {
  const { places, isRepairing } = options
  const { signal, log } = context
  const verified = new VerifiedFiles(places.stateDir)
  await verified.load()
  using hashes = new HashService()
  const kept = new KeptSums(places.stateDir)
  const known = await kept.oids()
  const hashFile: HashFile = async (path, oid, size) => {
    if (known.has(oid)) return hashes.matches(path, oid, size)
    const { isRight, sums } = await hashes.check(path, oid, size)
    if (isRight) await kept.note(oid, size, sums)
    return isRight
  }
  const wrong: BlobToCheck[] = []
  const total = { checked: 0, size: 0 }
  for await (const blob of blobsOf(options)) {
    signal.throwIfAborted()
    const verdict = await verified.verifyAnew(blob.path, blob.oid, hashFile, signal).catch((error) => {
      signal.throwIfAborted()
      log.warn(`cannot read ${blob.path}: ${error instanceof Error ? error.message : String(error)}`)
      return 'bad'
    })
    if (verdict === 'changed') continue
    total.checked += 1
    total.size += blob.size
    log.debug(`${blob.path}: ${verdict}`)
    if (verdict === 'bad') wrong.push(blob)
  }
  await using repair = new CacheRepair(options, context, { verified, hashFile, sums: kept })
  const results = []
  for (const blob of wrong) {
    const { oid, path, size, repos } = blob
    const remedy = isRepairing ? await repair.repair(blob) : undefined
    const fetched = remedy?.bytes && { hub: remedy.bytes.hub, peers: remedy.bytes.peers }
    results.push({
      ...{
        oid,
        path,
        size,
        repos: repos.map(repoName),
        remedy: remedy?.remedy ?? null,
        why: remedy?.why ?? null,
      },
      ...(fetched && { bytes: fetched }),
    })
  }
  const left = results.filter(({ remedy }) => remedy === null)
  const lines = results.map(({ path, size, remedy, why, bytes }) => {
    const share = bytes ? `${formatSize(bytes.hub + bytes.peers)} of ${formatSize(size)} ` : ''
    const what = remedy ?? (why === null ? 'wrong' : `wrong, and not repaired: ${why}`)
    return `${safeText(path)}: ${share}${safeText(what)}\n`
  })
  const { checked, size } = total
  const end = `${countOf(checked, 'blob')} (${formatSize(size)}) read, ${wrong.length} wrong\n`
  return {
    kind: 'report',
    result: { ...total, wrong: results },
    text: lines.join('') + end,
    failure: left.length === 0 ? undefined : failure(left.length, checked, isRepairing),
  }
}

async function* blobsOf({ places, repo }: CacheOptions): AsyncGenerator<BlobToCheck> {
  for await (const cached of listCachedRepos(places.cacheDir)) {
    if (!isMeant(cached.repo, repo)) continue
    for (const { oid, path, size } of cached.blobs) yield { oid, path, size, repos: [cached.repo], cached }
  }
  const { blobs } = await scanStoreAt(places.storeDir)
  for (const { oid, size, repos } of blobs) {
    if (repo !== undefined && !repos.some((each) => isMeant(each, repo))) continue
    yield { oid, path: storedPath(places, oid), size, repos, cached: undefined }
  }
}

function failure(count: number, checked: number, isRepairing: boolean): DfhfError {
  return new DfhfError(
    'verification-failed',
    `${count} of ${countOf(checked, 'blob')} ${count === 1 ? 'does not hold what its name says' : 'do not hold what their names say'}`,
    isRepairing ? {} : { hint: 'run it with --repair' },
  )
}
