import { DfhfError } from '../base/errors.ts'
import type { Repo } from '../repo/repo.ts'
import { downloadFile } from '../repo-download/download-file.ts'
import { RepoFetcher } from '../repo-download/repo-fetcher.ts'
import { listCachedRepos } from '../storage/cache/cache-contents.ts'
import type { HashFile } from '../storage/files/hash-file.ts'
import type { KeptSums } from '../storage/partial/kept-sums.ts'
import { placeBlob } from '../storage/partial/place-blob.ts'
import { removeStoredBlob } from '../storage/store/store-repos.ts'
import type { VerifiedFiles } from '../storage/store/verified-files.ts'
import type { BytesBySource } from '../transfer/transfer-event.ts'
import type { BlobToCheck } from './cache-parts.ts'
import type { CommandContext } from './commands.ts'
import { openSession, type Session } from './open-session.ts'
import type { CacheOptions } from './settings/options.ts'
import { StoredBlobDestination } from './stored-blob-destination.ts'

/** What was done about a wrong blob, or why nothing could be. */
interface Remedy {
  readonly remedy: 'fetched anew' | 'copied from the cache' | 'removed' | undefined
  /** What was fetched for it. */
  readonly bytes?: BytesBySource
  readonly why?: string
}

interface RepairParts {
  readonly verified: VerifiedFiles
  readonly hashFile: HashFile
  readonly sums: KeptSums
}

/** Puts wrong blobs right, by as few pieces as can be told to be wrong. Until the right bytes are here and checked, what stands at a blob's name stays. */
export class CacheRepair implements AsyncDisposable {
  readonly #options: CacheOptions
  readonly #context: CommandContext
  readonly #parts: RepairParts
  #session: Session | undefined

  constructor(options: CacheOptions, context: CommandContext, parts: RepairParts) {
    this.#options = options
    this.#context = context
    this.#parts = parts
  }

  /** Fetches what is wrong of a blob anew; one of the store is replaced by the cache's own where there is one. Throws when stopped. */
  async repair(blob: BlobToCheck): Promise<Remedy> {
    const { signal } = this.#context
    try {
      return await (blob.cached ? this.#fetchAnew(blob) : this.#mendStored(blob))
    } catch (error) {
      signal.throwIfAborted()
      return { remedy: undefined, why: error instanceof Error ? error.message : String(error) }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session?.[Symbol.asyncDispose]()
  }

  async #fetchAnew({ oid, cached }: BlobToCheck): Promise<Remedy> {
    const revisions = cached?.revisions ?? []
    const places = revisions.flatMap(({ commit, files }) =>
      files.filter((file) => file.oid === oid).map(({ path }) => ({ commit, path })),
    )
    const [place] = places
    if (!cached || !place) {
      const why = 'no snapshot refers to it; dfhf cache prune --hf-cache removes it'
      return { remedy: undefined, why }
    }
    const session = await this.#openSession()
    const fetcher = session.fetcherOf({ repo: cached.repo, revision: place.commit })
    const result = await downloadFile(fetcher, place.path)
    if (result.oid !== oid) {
      throw new DfhfError('verification-failed', `the Hub now names ${result.oid} for ${place.path}`)
    }
    return { remedy: 'fetched anew', bytes: result.bytes }
  }

  /** Where nothing else helps, a wrong blob of the store goes: the daemon fetches what it lacks when it is asked for it. */
  async #mendStored(blob: BlobToCheck): Promise<Remedy> {
    const { oid, path, size } = blob
    const { verified, hashFile } = this.#parts
    for await (const { blobs } of listCachedRepos(this.#options.places.cacheDir)) {
      const source = blobs.find((each) => each.oid === oid && each.size === size)?.path
      if (source === undefined || !(await verified.verify(source, oid, hashFile, this.#context.signal)))
        continue
      await placeBlob(source, path, {
        expected: { oid, size },
        hashFile,
        hardLink: false,
        signal: this.#context.signal,
      })
      await verified.record(path, oid)
      return { remedy: 'copied from the cache' }
    }
    for (const repo of blob.repos) {
      try {
        const bytes = await this.#fetchFrom(repo, blob)
        if (bytes) return { remedy: 'fetched anew', bytes }
      } catch (error) {
        this.#context.signal.throwIfAborted()
        this.#context.log.debug(`${path}: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
    await removeStoredBlob(path)
    return { remedy: 'removed' }
  }

  /** Fetches a blob of the store from a repo for which it was fetched; undefined where that has it no longer. */
  async #fetchFrom(repo: Repo, blob: BlobToCheck): Promise<BytesBySource | undefined> {
    const { signal } = this.#context
    const { sums } = this.#parts
    const session = await this.#openSession()
    const { parts } = session.fetcherOf({ repo, revision: 'main' })
    if (!parts.origin) return undefined
    const { cacheDir } = this.#options.places
    const { commit } = await parts.origin.resolveRevision(repo, 'main', { signal })
    for await (const page of parts.origin.listPages(repo, commit, { signal })) {
      const file = page.files.find(({ oid }) => oid === blob.oid)
      if (!file) continue
      const destination = new StoredBlobDestination(
        { ...blob, repo },
        { cacheDir, room: session.room, sums, signal },
      )
      return (await new RepoFetcher({ ...parts, destination }).fetch({ ...file, commit })).bytes
    }
    return undefined
  }

  async #openSession(): Promise<Session> {
    this.#session ??= await openSession({ ...this.#options, isForced: true, isMending: true }, this.#context)
    return this.#session
  }
}
