import { delay } from '../../base/delay.ts'
import { syncFolder } from './folder.ts'

/** How long a sync waits for more files that need it, in ms: little beside a request to the Hub. */
const GATHER_MS = 10

/** Puts the entries of folders on the disk for many files together: those that ask at about the same time share one sync. */
export class SharedSync {
  readonly #sync: (folder: string) => Promise<void>
  readonly #gathering = new Map<string, Promise<void>>()

  /** With another way to sync a folder only for tests. */
  constructor(sync: (folder: string) => Promise<void> = syncFolder) {
    this.#sync = sync
  }

  /** Resolves once all entries that the folder has now are on the disk. */
  sync(folder: string): Promise<void> {
    const gathering = this.#gathering.get(folder)
    if (gathering) return gathering
    const begun = delay(GATHER_MS).then(() => {
      // Who asks from now on may come too late for this one.
      this.#gathering.delete(folder)
      return this.#sync(folder)
    })
    this.#gathering.set(folder, begun)
    return begun
  }
}
