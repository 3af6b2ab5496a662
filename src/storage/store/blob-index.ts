import type { BigIntStats } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Listeners } from '../../base/listeners.ts'
import { type Log, silentLog } from '../../base/log.ts'
import type { Oid } from '../../blob/oid.ts'
import type { Repo } from '../../repo/repo.ts'
import { repoFolderName } from '../cache/cache-layout.ts'
import { CacheScan } from '../cache/cache-scan.ts'
import { unlessMissing } from '../files/disk-error.ts'
import { FolderWatch } from '../files/folder-watch.ts'
import type { HashFile } from '../files/hash-file.ts'
import { type Room, readPlainFileNow } from '../files/plain-file.ts'
import type { BlobPin } from './blob-pin.ts'
import type { BlobStore } from './store.ts'
import type { VerifiedFiles } from './verified-files.ts'

export interface BlobIndexOptions {
  /** Roots of Hugging Face caches. */
  readonly caches: readonly string[]
  readonly store?: BlobStore | undefined
  readonly verified: VerifiedFiles
  readonly hashFile: HashFile
  readonly log?: Log | undefined
  /** How often to look for changes that no watch reported, in ms. @default 10_000 */
  readonly lookEveryMs?: number | undefined
}

/** A whole, verified blob. One from the store stays until the pin is disposed. */
export interface IndexedBlob extends BlobPin {
  readonly oid: Oid
  readonly heldBy: 'cache' | 'store'
}

/**
 * Knows every whole blob in the caches and in the store, also those that other tools put there while it runs.
 * Nothing leaves it that was not hashed once.
 */
export class BlobIndex implements AsyncDisposable {
  readonly #options: BlobIndexOptions
  readonly #log: Log
  readonly #scans: readonly CacheScan[]
  readonly #watch: FolderWatch
  readonly #cached = new Map<Oid, Map<string, Repo>>()
  readonly #listeners = new Listeners<Oid>()
  readonly #timer: NodeJS.Timeout
  readonly #unsubscribe: () => void
  #looking: Promise<void> | undefined
  #nextLook: Promise<void> | undefined
  #isClosed = false

  private constructor(options: BlobIndexOptions) {
    this.#options = options
    this.#log = options.log ?? silentLog
    this.#scans = options.caches.map((root) => new CacheScan(root))
    const lookSoon = () => void this.look()
    this.#watch = new FolderWatch(lookSoon)
    this.#timer = setInterval(lookSoon, options.lookEveryMs ?? 10_000)
    this.#timer.unref()
    this.#unsubscribe = options.store?.subscribe((oid) => this.#listeners.tell(oid)) ?? (() => {})
  }

  /** Opens an index that knows all that is there now, and follows changes until it is closed. */
  static async open(options: BlobIndexOptions): Promise<BlobIndex> {
    const index = new BlobIndex(options)
    await index.look()
    return index
  }

  /** The oids of all blobs that are there, verified or not. */
  oids(): ReadonlySet<Oid> {
    const oids = new Set(this.#cached.keys())
    for (const { oid } of this.#options.store?.list() ?? []) oids.add(oid)
    return oids
  }

  /** What a look costs, in folders that the system is asked about. */
  get lookCost(): number {
    const ofCaches = this.#scans.reduce((sum, { folderCount }) => sum + folderCount, 0)
    return 1 + ofCaches + (this.#options.store?.lookCost ?? 0)
  }

  /** The repos that a blob belongs to, by where it stands; empty when it is not here or no repo is known. */
  reposOf(oid: Oid): Repo[] {
    const repos = new Map<string, Repo>()
    for (const repo of this.#cached.get(oid)?.values() ?? []) repos.set(repoFolderName(repo), repo)
    for (const repo of this.#options.store?.reposOf(oid) ?? []) repos.set(repoFolderName(repo), repo)
    return [...repos.values()]
  }

  /**
   * A verified blob to read from. One that dfhf did not write is hashed first, so this may take a second a gigabyte;
   * a miss looks at the disk again. Undefined when it is not here.
   */
  async acquire(oid: Oid, signal?: AbortSignal): Promise<IndexedBlob | undefined> {
    const known = await this.acquireKnown(oid, signal)
    if (known !== undefined) return known
    await this.look()
    return this.acquireKnown(oid, signal)
  }

  /** The same for what the last look found. */
  async acquireKnown(oid: Oid, signal?: AbortSignal): Promise<IndexedBlob | undefined> {
    const stored = await this.#acquireStored(oid, signal)
    if (stored !== undefined) return stored
    for (const path of this.#cached.get(oid)?.keys() ?? []) {
      const stats = await unlessMissing(stat(path)).catch(() => undefined)
      if (!stats?.isFile() || !(await this.#isGood(path, oid, signal))) continue
      const repos = this.reposOf(oid)
      return { oid, path, size: stats.size, repos, heldBy: 'cache', [Symbol.dispose]() {} }
    }
    return undefined
  }

  /**
   * All bytes of a blob that is known to be right as it stands there, read while the thread waits. Undefined for any other,
   * and where `room` gives none.
   */
  readNow(oid: Oid, room: Room): Uint8Array | undefined {
    const { store, verified } = this.#options
    const isGood = (path: string) => (stats: BigIntStats) => verified.isKnownGood(path, oid, stats)
    const stored = store?.use(oid)
    if (stored !== undefined) return readPlainFileNow(stored, isGood(stored), room)
    for (const path of this.#cached.get(oid)?.keys() ?? []) {
      const bytes = readPlainFileNow(path, isGood(path), room)
      if (bytes) return bytes
    }
    return undefined
  }

  /**
   * Where a blob stands that `acquire` is still hashing. A caller may send its bytes meanwhile, but must keep back the
   * last of them until `acquire` has given the blob.
   */
  async peek(oid: Oid): Promise<{ readonly path: string; readonly size: number } | undefined> {
    for (const path of this.#cached.get(oid)?.keys() ?? []) {
      const stats = await unlessMissing(stat(path)).catch(() => undefined)
      if (stats?.isFile()) return { path, size: stats.size }
    }
    return undefined
  }

  /** Whether the file at `path` still holds the blob; hashes it when it changed since it was hashed. Never rejects. */
  holds(path: string, oid: Oid): Promise<boolean> {
    return this.#isGood(path, oid).catch(() => false)
  }

  /** Whether a blob is served from this very path. */
  isAt(oid: Oid, path: string): boolean {
    const { store } = this.#options
    return (
      this.#cached.get(oid)?.has(path) === true || (store?.has(oid) === true && store.pathOf(oid) === path)
    )
  }

  /**
   * Takes a file out of service that was found not to hold its blob, and says so: the store's own is removed, one in
   * a cache is its user's to remove.
   */
  async condemn(path: string, oid: Oid): Promise<void> {
    const { store } = this.#options
    const isStored = store?.pathOf(oid) === path
    const removed = isStored && (await store.remove(oid).catch(() => false))
    const hint = removed ? 'it was removed' : isStored ? 'it is not served' : 'it is not served; remove it'
    this.#log.warn(`${path} does not hold what its name says: ${hint}`)
    this.#listeners.tell(oid)
  }

  /** Looks for changes now; resolves when all that was there at the call is known. */
  look(): Promise<void> {
    if (this.#isClosed) return Promise.resolve()
    if (this.#looking === undefined) {
      this.#looking = this.#lookOnce().finally(() => {
        this.#looking = undefined
      })
      return this.#looking
    }
    // The look under way may have passed the folder already in which the caller's blob appeared.
    this.#nextLook ??= this.#looking.then(() => {
      this.#nextLook = undefined
      return this.look()
    })
    return this.#nextLook
  }

  /** Calls `listener` with the oid of each blob that comes or goes; returns what ends that. */
  subscribe(listener: (oid: Oid) => void): () => void {
    return this.#listeners.add(listener)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#timer)
    this.#unsubscribe()
    this.#watch[Symbol.dispose]()
    await this.#nextLook
    await this.#looking
  }

  async #acquireStored(oid: Oid, signal?: AbortSignal): Promise<IndexedBlob | undefined> {
    const pin = await this.#options.store?.acquire(oid)
    if (pin === undefined) return undefined
    let isGood = false
    try {
      isGood = await this.#isGood(pin.path, oid, signal)
    } finally {
      if (!isGood) pin[Symbol.dispose]()
    }
    if (!isGood) return undefined
    const { path, size } = pin
    const release = () => pin[Symbol.dispose]()
    return { oid, path, size, repos: this.reposOf(oid), heldBy: 'store', [Symbol.dispose]: release }
  }

  async #isGood(path: string, oid: Oid, signal?: AbortSignal): Promise<boolean> {
    const { verified, hashFile } = this.#options
    const known = await verified.check(path, oid)
    if (known !== undefined) return known
    const isGood = await verified.verify(path, oid, hashFile, signal)
    // The file is neither gone nor changed meanwhile, but does not hold the blob.
    if (!isGood && (await verified.check(path, oid)) === false) void this.condemn(path, oid)
    return isGood
  }

  async #lookOnce(): Promise<void> {
    await this.#options.store?.look()
    for (const scan of this.#scans) {
      for (const { oid, path, repo, isThere } of await scan.look()) {
        const paths = this.#cached.get(oid) ?? new Map<string, Repo>()
        if (isThere) paths.set(path, repo)
        else paths.delete(path)
        if (paths.size > 0) this.#cached.set(oid, paths)
        else this.#cached.delete(oid)
        this.#listeners.tell(oid)
      }
    }
    if (this.#isClosed) return
    const folders = this.#scans.flatMap((scan) => [scan.root, ...scan.blobFolders])
    if (this.#watch.follow(folders)) void this.look()
  }
}
