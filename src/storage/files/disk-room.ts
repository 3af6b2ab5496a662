import { ensureSpace, type SpaceNeed } from './disk-space.ts'

/** Checks that blobs to fetch find room, and says once where a file system does not tell. */
export class DiskRoom {
  readonly #onUntold: (path: string) => void
  readonly #told = new Set<string>()

  constructor(onUntold: (path: string) => void = () => {}) {
    this.#onUntold = onUntold
  }

  /** Throws `disk-full` when a disk has less room than all that is to be written to it. */
  async ensure(needs: readonly SpaceNeed[]): Promise<void> {
    const untold = await ensureSpace(needs)
    // The user is told once, however many folders were asked for.
    if (untold.length === 0 || this.#told.size > 0) return
    for (const path of untold) {
      this.#told.add(path)
      this.#onUntold(path)
    }
  }
}
