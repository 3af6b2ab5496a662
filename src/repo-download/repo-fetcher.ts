import { DfhfError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { releaseBytes } from '../base/release-bytes.ts'
import type { SourceKind } from '../blob/blob-source.ts'
import type { Oid } from '../blob/oid.ts'
import { pieceSizeOf } from '../blob/pieces.ts'
import type { DescribedFile, FileRef } from '../repo/file-ref.ts'
import type { Origin, OriginSource } from '../repo/origin.ts'
import { type Repo, repoName } from '../repo/repo.ts'
import { SMALL_BLOB_SIZE, SMALLEST_RELEASED } from '../transfer/small-blob.ts'
import type { TransferEngine } from '../transfer/transfer-engine.ts'
import {
  type BytesBySource,
  type FileResult,
  fileFailed,
  type TransferEvent,
} from '../transfer/transfer-event.ts'
import type { Destination } from './destination.ts'
import { named } from './named-error.ts'
import { proveGiven } from './prove-given.ts'

/** What fetching files of one repo needs. */
export interface FetchParts {
  readonly repo: Repo
  readonly revision: string
  /** Absent when offline. */
  readonly origin: Origin | undefined
  readonly destination: Destination
  readonly engine: TransferEngine
  /** True when all peers hold the cluster key: then private blobs may go to them as well. */
  readonly hasClusterKey: boolean
  /** A checked copy of a blob elsewhere on this machine. */
  readonly findLocal: (oid: Oid, size: number) => Promise<string | undefined>
  /** Told before the Hub is asked for what is not here: a good moment to begin looking for peers. */
  readonly onFetchLikely: () => void
  /** Told of blobs that were written and checked, so that they need not be hashed again before they are served. */
  readonly onVerified: (files: readonly { readonly path: string; readonly oid: Oid }[]) => Promise<void>
  /** Takes messages that are no events. */
  readonly log: Log
  /** False where the Hub may not be asked for bytes. */
  readonly mayAskHub: boolean
  /** Fetch although it is here. */
  readonly isForced: boolean
  readonly signal: AbortSignal
}

/** One run for one file. */
interface FileRun {
  /** The file's number in events. */
  readonly id: number
  readonly startedAt: number
  /** True where a file with the same content was fetched before it. */
  readonly isRepeat: boolean
  /** True where it was looked for and not found a moment ago. */
  readonly isMissing: boolean
}

/** Brings single files of a repo, whose commit and oid are known, to their places. */
export class RepoFetcher {
  readonly parts: FetchParts
  /** Blobs on their way: two paths with one content are one transfer. */
  readonly #running = new Map<string, Promise<unknown>>()

  #isPublic: Promise<boolean> | undefined

  constructor(parts: FetchParts) {
    this.parts = parts
  }

  /**
   * Fetches a file, or finds it here; with `isMissing` it was not here a moment ago. Throws DfhfError; what was verified
   * stays for the next run.
   */
  async fetch(
    file: DescribedFile,
    { isMissing = false }: { readonly isMissing?: boolean } = {},
  ): Promise<FileResult> {
    const id = this.parts.engine.nextId()
    const startedAt = performance.now()
    try {
      const before = this.#running.get(file.oid)
      const mine = (before?.catch(() => {}) ?? Promise.resolve()).then(() =>
        this.#fetchSure(file, { id, startedAt, isRepeat: before !== undefined, isMissing }),
      )
      this.#running.set(file.oid, mine)
      const result = await mine
      // Where all is fetched anew, a second path is to find what the first one brought.
      if (!this.parts.isForced && this.#running.get(file.oid) === mine) this.#running.delete(file.oid)
      this.#report({ type: 'file-done', id, result })
      return result
    } catch (error) {
      this.#report(fileFailed(id, error))
      throw error
    }
  }

  /**
   * Throws `disk-full` when there is less room than fetching these files takes. What a store on this machine has may
   * cost no room: that is looked up only where room is short, as it may cost reading all of it.
   */
  async ensureRoom(files: readonly FileRef[]): Promise<void> {
    const { destination, findLocal, isForced } = this.parts
    try {
      await destination.ensureRoom(files)
    } catch (error) {
      if (isForced || !(error instanceof DfhfError) || error.code !== 'disk-full') throw error
      const rest: FileRef[] = []
      for (const file of files) if (!(await findLocal(file.oid, file.size))) rest.push(file)
      if (rest.length === files.length) throw error
      await destination.ensureRoom(rest)
    }
  }

  /** The result for a file that was found on this machine. */
  found(
    file: { readonly commit: string; readonly oid?: string; readonly size?: number },
    path: string,
    startedAt: number,
  ): FileResult {
    return this.#result({ oid: '', size: 0, ...file }, path, startedAt, { hub: 0, peers: 0, local: 0 }, false)
  }

  /** The result for a file that peers brought together with others, and the bytes that it cost. */
  brought(file: FileRef, path: string, startedAt: number, bytes: number): FileResult {
    return this.#result(file, path, startedAt, only('peers', bytes), true)
  }

  /** Where the ETag of a plain file turns out to be no git id, as some mirrors have it, the listing decides. */
  async #fetchSure(file: DescribedFile, run: FileRun): Promise<FileResult> {
    try {
      return await this.#fetch(file, run)
    } catch (error) {
      const { origin, repo, signal } = this.parts
      const isMismatch = error instanceof DfhfError && error.code === 'verification-failed'
      if (!isMismatch || file.isOidUnsure !== true) throw error
      const listed = await origin?.correctOid?.(repo, file, { signal })
      if (!listed) throw error
      const { oid, size } = listed
      return await this.#fetch({ ...file, oid, size, isOidUnsure: false }, { ...run, isMissing: false })
    }
  }

  async #fetch(file: DescribedFile, { id, startedAt, isRepeat, isMissing }: FileRun): Promise<FileResult> {
    const { destination, isForced, signal } = this.parts
    const mayBeHere = isRepeat || !(isForced || isMissing)
    const placed = mayBeHere ? await destination.place(file) : undefined
    if (placed !== undefined) return this.found(file, placed, startedAt)
    await using _lock = await destination.lock(file, {
      signal,
      onWait: (holder) =>
        this.#report({ type: 'wait', id, reason: `waiting for ${holder}, which downloads the same file` }),
    })
    this.#report({ type: 'wait', id, reason: undefined })
    const meanwhile = isForced && !isRepeat ? undefined : await destination.place(file)
    if (meanwhile !== undefined) return this.found(file, meanwhile, startedAt)
    const local = isForced ? undefined : await this.parts.findLocal(file.oid, file.size)
    const copied = local === undefined ? undefined : await this.#copy(local, file)
    // Awaited here, or the lock would be given back at once.
    if (copied === undefined)
      return (await this.#bringSmall(file, id, startedAt)) ?? (await this.#bring(file, id, startedAt))
    return this.#result(file, copied, startedAt, only('local', file.size), true)
  }

  /** Undefined when the copy shows that the source changed since it was checked. */
  async #copy(source: string, file: FileRef): Promise<string | undefined> {
    const { destination, signal } = this.parts
    try {
      return await destination.copyFrom(source, file, signal)
    } catch (error) {
      if (error instanceof DfhfError && error.code === 'verification-failed') return undefined
      throw error
    }
  }

  /**
   * Brings a small file by one request where the Hub may be asked and all goes well. Undefined where not: then a transfer
   * of many pieces, which waits, repeats and repairs, brings it.
   */
  async #bringSmall(file: DescribedFile, id: number, startedAt: number): Promise<FileResult | undefined> {
    const { destination, engine, log, signal } = this.parts
    const { oid, size } = file
    const hub = this.isSmall(file) ? this.#sourceOf(file, true) : undefined
    if (!hub) return undefined
    this.#report({ type: 'file-start', id, name: file.path, size, present: 0 })
    try {
      const bytes = await engine.fetchSmall({ oid, size, hub, id }, signal)
      if (bytes === undefined) return undefined
      const published = await destination.writeBlob(file, bytes)
      releaseBytes(bytes, SMALLEST_RELEASED)
      await this.parts.onVerified([{ path: published, oid }])
      const path = await destination.finish(file, published)
      return this.#result(file, path, startedAt, only('hub', size), true)
    } catch (error) {
      signal.throwIfAborted()
      log.debug(
        `${file.path}: ${error instanceof Error ? error.message : String(error)}; trying it piece by piece`,
      )
      return undefined
    }
  }

  /** True for a file that one request brings. */
  isSmall({ size }: { readonly size: number }): boolean {
    const { origin, mayAskHub } = this.parts
    return origin !== undefined && mayAskHub && size <= SMALL_BLOB_SIZE
  }

  #sourceOf(file: DescribedFile, guesses = false): OriginSource | undefined {
    const { origin, repo, mayAskHub } = this.parts
    return mayAskHub ? origin?.openSource(repo, file, { guesses }) : undefined
  }

  async #bring(file: DescribedFile, id: number, startedAt: number): Promise<FileResult> {
    const { destination, engine, repo, signal } = this.parts
    await using blob = await destination.openBlob(file)
    const present = Math.min(file.size, blob.pieces.count * pieceSizeOf(file.size))
    this.#report({ type: 'file-start', id, name: file.path, size: file.size, present })
    const source = this.#sourceOf(file)
    let bytes: BytesBySource
    try {
      const request = {
        oid: file.oid,
        size: file.size,
        file: blob,
        hub: source,
        id,
        place: { repo: repoName(repo), commit: file.commit, path: file.path },
        mayShare: () => this.#mayShare(),
      }
      bytes = await engine.start(request, signal).done
      if (this.parts.hasClusterKey && source && bytes.hub === 0) await proveGiven(source, file, signal)
    } catch (error) {
      // What does not hash to its oid, or is not the repo's, is worth nothing; everything else can be resumed.
      if (error instanceof DfhfError && (error.code === 'verification-failed' || error.code === 'forbidden'))
        await blob.discard()
      throw named(error, file, repo)
    }
    const published = await blob.publish()
    await this.parts.onVerified([{ path: published, oid: file.oid }])
    const path = await destination.finish(file, published)
    return this.#result(file, path, startedAt, bytes, true)
  }

  /** Whether peers may have the repo's blobs; the origin is asked at most once, and a failure counts as no. */
  #mayShare(): Promise<boolean> {
    const { origin, repo, revision, hasClusterKey } = this.parts
    if (hasClusterKey || !origin) return Promise.resolve(hasClusterKey)
    this.#isPublic ??= origin.isPublic(repo, revision).catch(() => false)
    return this.#isPublic
  }

  #result(
    file: { readonly oid: string; readonly size: number; readonly commit: string },
    path: string,
    startedAt: number,
    bytes: BytesBySource,
    verified: boolean,
  ): FileResult {
    const { repo, revision } = this.parts
    return {
      path,
      repo: repoName(repo),
      revision,
      commit: file.commit,
      oid: file.oid,
      size: file.size,
      ms: Math.round(performance.now() - startedAt),
      bytes,
      verified,
    }
  }

  #report(event: TransferEvent): void {
    this.parts.engine.report(event)
  }
}

function only(kind: SourceKind, size: number): BytesBySource {
  return { hub: 0, peers: 0, local: 0, [kind]: size }
}
