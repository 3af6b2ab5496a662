import { type FSWatcher, watch } from 'node:fs'

/**
 * Calls back when something changes in one of a set of folders, where the system tells. It may tell nothing (network
 * file systems, too many watches): whoever needs to know must look now and then as well.
 */
export class FolderWatch implements Disposable {
  readonly #watchers = new Map<string, FSWatcher>()
  readonly #onChange: () => void

  constructor(onChange: () => void) {
    this.#onChange = onChange
  }

  /** Watches exactly these folders from now on. True when one is new: what happened before in it was not told. */
  follow(folders: Iterable<string>): boolean {
    const wanted = new Set(folders)
    for (const [folder, watcher] of this.#watchers) {
      if (wanted.has(folder)) continue
      watcher.close()
      this.#watchers.delete(folder)
    }
    const added = [...wanted].filter((folder) => !this.#watchers.has(folder))
    return added.map((folder) => this.#open(folder)).includes(true)
  }

  [Symbol.dispose](): void {
    this.follow([])
  }

  #open(folder: string): boolean {
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#onChange())
      watcher.on('error', () => {
        watcher.close()
        this.#watchers.delete(folder)
      })
      this.#watchers.set(folder, watcher)
      return true
    } catch {
      // Gone already, or no watches left: the next look finds the changes.
      return false
    }
  }
}
