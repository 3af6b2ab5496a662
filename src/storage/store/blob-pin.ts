import type { Repo } from '../../repo/repo.ts'

/** A blob that stays until the pin is disposed. */
export interface BlobPin extends Disposable {
  readonly path: string
  readonly size: number
  readonly repos: readonly Repo[]
}

/** A pin that calls `release` once. */
export class CountedPin implements BlobPin {
  readonly path: string
  readonly size: number
  readonly repos: readonly Repo[]
  #release: (() => void) | undefined

  constructor(path: string, size: number, repos: readonly Repo[], release: () => void) {
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
