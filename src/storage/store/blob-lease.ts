import type { CacheRepo } from '../cache/cache-layout.ts'

/** A blob that stays until the lease is disposed. */
export interface BlobLease extends Disposable {
  readonly path: string
  readonly size: number
  readonly repos: readonly CacheRepo[]
}

/** A lease that calls `release` once. */
export class CountedLease implements BlobLease {
  readonly path: string
  readonly size: number
  readonly repos: readonly CacheRepo[]
  #release: (() => void) | undefined

  constructor(path: string, size: number, repos: readonly CacheRepo[], release: () => void) {
    this.path = path
    this.size = size
    this.repos = repos
    this.#release = release
  }

  [Symbol.dispose](): void {
    this.#release?.()
    this.#release = undefined
  }
}
