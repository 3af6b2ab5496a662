import { BoundedMap } from '../../base/bounded-map.ts'
import { systemCode } from '../../base/errors.ts'

/** So many folders are remembered. */
const MOST_FOLDERS = 1_000

/** Remembers which folders were made, so that a thousand files in one folder do not each walk to it. */
export class KnownFolders {
  readonly #known = new BoundedMap<string, true>(MOST_FOLDERS)

  /** Makes a folder that is not known, or that was forgotten since. */
  async ensure(folder: string, make: () => Promise<void>): Promise<void> {
    if (this.#known.has(folder)) return
    await make()
    this.#known.set(folder, true)
  }

  /** To be called where something in the folder failed that may show that it is gone. */
  forget(folder: string): void {
    this.#known.delete(folder)
  }

  /** Does what needs `folder`, which `make` makes where it is not there, or no longer. */
  async within<T>(folder: string, make: () => Promise<void>, work: () => Promise<T>): Promise<T> {
    if (this.#known.has(folder)) {
      try {
        return await work()
      } catch (error) {
        if (systemCode(error) !== 'ENOENT' && systemCode(causeOf(error)) !== 'ENOENT') throw error
      }
    }
    await make()
    this.#known.set(folder, true)
    return work()
  }
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined
}
