import type { Oid } from '../../blob/oid.ts'
import type { Repo } from '../../repo/repo.ts'
import { repoFolderName } from '../cache/cache-layout.ts'

/** What the store knows of one whole blob. */
export interface CatalogEntry {
  readonly size: number
  usedAtMs: number
  /** When the time of use was last written to the disk. */
  touchedAtMs: number
  /** How many readers keep it from being evicted. */
  pins: number
}

/** The store's memory of its whole blobs, and of the repos of those and of the ones being written. */
export class StoreCatalog {
  readonly #entries = new Map<Oid, CatalogEntry>()
  readonly #repos = new Map<Oid, readonly Repo[]>()

  /** Bytes of all whole blobs. */
  get size(): number {
    let size = 0
    for (const entry of this.#entries.values()) size += entry.size
    return size
  }

  /** The cost of checking that all blobs are still there, in folders: one for each first two digits, and more for many blobs. */
  get lookCost(): number {
    const { size } = this.#entries
    return Math.min(256, size) + Math.ceil(size / 64)
  }

  get(oid: Oid): CatalogEntry | undefined {
    return this.#entries.get(oid)
  }

  entries(): IterableIterator<[Oid, CatalogEntry]> {
    return this.#entries.entries()
  }

  /** The whole blobs by the first two digits of their oids. */
  byFolder(): ReadonlyMap<string, readonly Oid[]> {
    const folders = new Map<string, Oid[]>()
    for (const oid of this.#entries.keys()) {
      const oids = folders.get(oid.slice(0, 2)) ?? []
      folders.set(oid.slice(0, 2), oids)
      oids.push(oid)
    }
    return folders
  }

  /** Takes up a whole blob; one that is known keeps its pins. */
  add(oid: Oid, size: number, usedAtMs: number): void {
    const known = this.#entries.get(oid)
    if (known?.size === size) known.usedAtMs = usedAtMs
    else this.#entries.set(oid, { size, usedAtMs, touchedAtMs: usedAtMs, pins: 0 })
  }

  delete(oid: Oid): void {
    this.#entries.delete(oid)
  }

  reposOf(oid: Oid): readonly Repo[] {
    return this.#repos.get(oid) ?? []
  }

  hasRepo(oid: Oid, repo: Repo): boolean {
    const name = repoFolderName(repo)
    return this.reposOf(oid).some((known) => repoFolderName(known) === name)
  }

  addRepos(oid: Oid, repos: readonly Repo[]): void {
    const added = repos.filter((repo) => !this.hasRepo(oid, repo))
    if (added.length > 0) this.#repos.set(oid, [...this.reposOf(oid), ...added])
  }

  dropRepos(oid: Oid): void {
    this.#repos.delete(oid)
  }
}
