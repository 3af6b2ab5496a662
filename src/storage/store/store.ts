import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Listeners } from '../../base/listeners.ts'
import { type Log, silentLog } from '../../base/log.ts'
import { Semaphore } from '../../base/semaphore.ts'
import { formatSize } from '../../base/size.ts'
import type { Oid } from '../../blob/oid.ts'
import type { Repo } from '../../repo/repo.ts'
import { onDisk, unlessMissing } from '../files/disk-error.ts'
import { freeSpace, occupiedSpace, spaceOf } from '../files/disk-space.ts'
import { makeFolderInside } from '../files/folder.ts'
import { FolderStamps } from '../files/folder-stamps.ts'
import { noRoom } from '../files/no-room.ts'
import { openPartialBlob, type PartialBlob } from '../partial/partial-blob.ts'
import { type FoundPartial, listPartials, removePartial } from '../partial/stale-partials.ts'
import { type BlobPin, CountedPin } from './blob-pin.ts'
import { cleanStore } from './clean-store.ts'
import { chooseVictims, type EvictionCandidate } from './eviction.ts'
import { StoreCatalog } from './store-catalog.ts'
import type { BlobStoreOptions } from './store-options.ts'
import { noteStoreUse, readStoreRepos, removeStoredBlob, writeStoreRepos } from './store-repos.ts'
import { type StoredBlob, storeFolderOf } from './store-scan.ts'

/** How often a use is noted on disk at the most: only eviction after a restart reads the note. */
const TOUCH_EVERY_MS = 60_000

/**
 * The daemon's own blobs: `<root>/<first 2 hex>/<oid>`. Least recently used ones go when the quota or the disk's
 * floor asks for it, never one that is being read, and never a file that the store did not write.
 */
export class BlobStore {
  readonly root: string
  readonly #options: BlobStoreOptions
  readonly #log: Log
  readonly #now: () => number
  readonly #catalog = new StoreCatalog()
  readonly #folders = new FolderStamps()
  /** Blobs being written. Each counts in full from the start. */
  readonly #growing = new Map<PartialBlob, Oid>()
  /** What killed or cancelled runs left. */
  #leftovers: readonly FoundPartial[] = []
  readonly #listeners = new Listeners<Oid>()
  readonly #turn = new Semaphore(1)
  #evictions = 0
  #kept: ReadonlySet<Oid> = new Set()

  private constructor(root: string, options: BlobStoreOptions) {
    this.root = root
    this.#options = options
    this.#log = options.log ?? silentLog
    this.#now = options.now ?? Date.now
  }

  /** Opens the store at `root` with what an earlier run left there. Throws `disk`. */
  static async open(root: string, options: BlobStoreOptions): Promise<BlobStore> {
    await makeFolderInside(root, root)
    const store = new BlobStore(root, options)
    const hasFloor = (options.freeSpaceFloor ?? 0) > 0 || (options.freeShareFloor ?? 0) > 0
    if (hasFloor && (await freeSpace(root)) === undefined) {
      store.#log.warn(
        `the disk of ${root} does not tell how much space is free: only the quota bounds the store`,
      )
    }
    const { blobs, partials } = await cleanStore(root)
    for (const { oid, size, repos, usedAtMs } of blobs) {
      store.#catalog.add(oid, size, usedAtMs)
      store.#catalog.addRepos(oid, repos)
    }
    store.#leftovers = partials
    return store
  }

  /** Bytes that the store takes: whole blobs, those being written in full, and what killed runs left. */
  get usedSize(): number {
    let size = this.#catalog.size
    for (const blob of this.#growing.keys()) size += blob.size
    for (const partial of this.#leftovers) size += partial.size
    return size
  }

  /** How many blobs gave way to others since the start. */
  get evictions(): number {
    return this.#evictions
  }

  /** Evicts none of these blobs until told otherwise, whether they are here or not. */
  keep(oids: ReadonlySet<Oid>): void {
    this.#kept = oids
  }

  /** All whole blobs. */
  *list(): Generator<StoredBlob> {
    for (const [oid, { size, usedAtMs }] of this.#catalog.entries()) {
      yield { oid, size, usedAtMs, repos: this.#catalog.reposOf(oid) }
    }
  }

  /** What a look costs, in folders that the system is asked about. */
  get lookCost(): number {
    return this.#catalog.lookCost
  }

  /** The repos that a blob here, or one being written, was fetched for. */
  reposOf(oid: Oid): readonly Repo[] {
    return this.#catalog.reposOf(oid)
  }

  /** True for a whole blob that is here. */
  has(oid: Oid): boolean {
    return this.#catalog.get(oid) !== undefined
  }

  /** Where a blob stands or would stand. */
  pathOf(oid: Oid): string {
    return join(storeFolderOf(this.root, oid), oid)
  }

  /** Keeps a blob from being evicted until the pin is disposed, and notes the use; undefined when it is not here. */
  async acquire(oid: Oid): Promise<BlobPin | undefined> {
    const pin = await this.#pin(oid)
    await this.#noteUse(oid)
    return pin
  }

  /** Where a blob stands, for one who reads it before anything else has its turn: notes the use. Undefined when it is not here. */
  use(oid: Oid): string | undefined {
    void this.#noteUse(oid)
    return this.has(oid) ? this.pathOf(oid) : undefined
  }

  /**
   * Opens a blob of `repo` for writing, with what an earlier run left of it, after making room for all of it.
   * Throws `disk-full` when that is impossible. A blob without a repo counts as private.
   */
  openBlob(oid: Oid, size: number, repo: Repo | undefined): Promise<PartialBlob> {
    return this.#turn.run(async () => {
      const folder = storeFolderOf(this.root, oid)
      const present = this.#leftovers.reduce((sum, { stem, size }) => (stem === oid ? sum + size : sum), 0)
      this.#leftovers = this.#leftovers.filter(({ stem }) => stem !== oid)
      try {
        await this.#makeRoom(size, size - present)
        await makeFolderInside(this.root, folder)
        if (repo) await this.#noteRepo(oid, repo)
        const blob = await openPartialBlob({
          folder,
          oid,
          size,
          finalPath: this.pathOf(oid),
          durable: this.#options.durable,
          sums: this.#options.sums,
          onPublished: async () => {
            this.#growing.delete(blob)
            this.#catalog.add(oid, size, this.#now())
            this.#listeners.tell(oid)
          },
          onClosed: async () => {
            if (this.#growing.delete(blob)) await this.#turn.run(() => this.#findLeftovers(folder))
          },
        })
        this.#growing.set(blob, oid)
        // Partials of this blob that other processes left still take space.
        await this.#findLeftovers(folder)
        return blob
      } catch (error) {
        await this.#findLeftovers(folder)
        throw error
      }
    })
  }

  /** Notes that a blob which is here belongs to one more repo. */
  addRepo(oid: Oid, repo: Repo): Promise<void> {
    return this.#turn.run(async () => {
      if (this.#catalog.get(oid) !== undefined) await this.#noteRepo(oid, repo)
    })
  }

  /** Removes a blob; false when it is pinned or not here. */
  remove(oid: Oid): Promise<boolean> {
    return this.#turn.run(() => this.#evict(oid))
  }

  /** Looks for blobs that another process removed, and forgets them. Costs one stat a folder when nothing changed. */
  async look(): Promise<void> {
    for (const [folder, oids] of this.#catalog.byFolder()) {
      if (!(await this.#folders.hasChanged(join(this.root, folder)))) continue
      // Acquiring looks at the file.
      for (const oid of oids) (await this.#pin(oid))?.[Symbol.dispose]()
    }
  }

  /** Calls `listener` with the oid of each blob that comes or goes; returns what ends that. */
  subscribe(listener: (oid: Oid) => void): () => void {
    return this.#listeners.add(listener)
  }

  async #noteUse(oid: Oid): Promise<void> {
    const entry = this.#catalog.get(oid)
    if (entry === undefined) return
    entry.usedAtMs = this.#now()
    if (entry.usedAtMs - entry.touchedAtMs < TOUCH_EVERY_MS) return
    entry.touchedAtMs = entry.usedAtMs
    await noteStoreUse(this.pathOf(oid), entry.usedAtMs).catch(() => {})
  }

  async #pin(oid: Oid): Promise<BlobPin | undefined> {
    const entry = this.#catalog.get(oid)
    if (entry === undefined) return undefined
    const path = this.pathOf(oid)
    entry.pins += 1
    const release = () => {
      entry.pins -= 1
    }
    const stats = await unlessMissing(stat(path)).catch(() => undefined)
    if (stats?.isFile() && stats.size === entry.size)
      return new CountedPin(path, entry.size, this.#catalog.reposOf(oid), release)
    release()
    // Another process removed or changed it; a blob that was published meanwhile has another entry.
    if (this.#catalog.get(oid) === entry) this.#forget(oid)
    return undefined
  }

  async #makeRoom(size: number, toWrite: number): Promise<void> {
    const excess = await this.#freeUp(size, toWrite)
    if (excess.overQuota <= 0 && excess.underFloor <= 0) return
    const { root, usedSize } = this
    throw noRoom(size, { root, usedSize, quota: this.#options.quota }, excess)
  }

  /** Evicts as far as needed and possible; gives what is still too much. */
  async #freeUp(size: number, toWrite: number): Promise<{ overQuota: number; underFloor: number }> {
    let excess = await this.#excess(size, toWrite)
    while (this.#leftovers.length > 0 && (excess.overQuota > 0 || excess.underFloor > 0)) {
      await this.#removeOldestLeftover()
      excess = await this.#excess(size, toWrite)
    }
    for (const victim of chooseVictims(await this.#candidates(), excess)) {
      if (await this.#evict(victim.oid)) {
        this.#evictions += 1
        this.#log.debug(`store: evicted ${victim.oid} (${formatSize(victim.size)})`)
      }
    }
    return this.#excess(size, toWrite)
  }

  async #excess(size: number, toWrite: number): Promise<{ overQuota: number; underFloor: number }> {
    let pending = toWrite
    for (const blob of this.#growing.keys())
      pending += Math.max(0, blob.size - (await occupiedSpace(blob.path)))
    const { quota, freeSpaceFloor = 0, freeShareFloor = 0 } = this.#options
    const disk = await spaceOf(this.root)
    const floor = Math.max(freeSpaceFloor, freeShareFloor * (disk?.size ?? 0))
    return {
      overQuota: this.usedSize + size - quota,
      underFloor: disk === undefined ? 0 : floor + pending - disk.free,
    }
  }

  async #candidates(): Promise<EvictionCandidate[]> {
    const candidates: EvictionCandidate[] = []
    for (const [oid, { size, usedAtMs, pins }] of this.#catalog.entries()) {
      if (pins > 0 || this.#kept.has(oid)) continue
      const stats = await unlessMissing(stat(this.pathOf(oid))).catch(() => undefined)
      candidates.push({ oid, size, usedAtMs, isShared: (stats?.nlink ?? 1) > 1 })
    }
    return candidates
  }

  async #evict(oid: Oid): Promise<boolean> {
    const entry = this.#catalog.get(oid)
    const isRewritten = [...this.#growing.values()].includes(oid)
    if (entry === undefined || entry.pins > 0 || isRewritten) return false
    const path = this.pathOf(oid)
    this.#forget(oid)
    await removeStoredBlob(path)
    return true
  }

  async #removeOldestLeftover(): Promise<void> {
    const [oldest, ...others] = [...this.#leftovers].sort((a, b) => a.mtimeMs - b.mtimeMs)
    this.#leftovers = others
    if (oldest !== undefined) await removePartial(oldest.path)
  }

  async #findLeftovers(folder: string): Promise<void> {
    const growing = new Set([...this.#growing.keys()].map((blob) => blob.path))
    const found = await listPartials(folder).catch(() => [])
    const elsewhere = this.#leftovers.filter(({ path }) => !path.startsWith(join(folder, '/')))
    this.#leftovers = [...elsewhere, ...found.filter(({ path }) => !growing.has(path))]
  }

  /** On the disk before the blob, so that a blob never stands without the repos that say who may read it. */
  async #noteRepo(oid: Oid, repo: Repo): Promise<void> {
    const path = this.pathOf(oid)
    this.#catalog.addRepos(oid, await readStoreRepos(path))
    if (this.#catalog.hasRepo(oid, repo)) return
    await onDisk('write', path, () => writeStoreRepos(path, [...this.#catalog.reposOf(oid), repo]))
    this.#catalog.addRepos(oid, [repo])
  }

  #forget(oid: Oid): void {
    this.#catalog.delete(oid)
    if (![...this.#growing.values()].includes(oid)) this.#catalog.dropRepos(oid)
    this.#listeners.tell(oid)
  }
}
