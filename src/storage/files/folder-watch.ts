import { type FSWatcher, statSync, watch } from 'node:fs'

interface Watched {
  readonly watcher: FSWatcher
  readonly inode: number | undefined
}

/**
 * Calls back when something changes in one of a set of folders, where the system tells. It may tell nothing (network
 * file systems, too many watches): a caller that needs to know must look now and then as well.
 */
export class FolderWatch implements Disposable {
  readonly #watchers = new Map<string, Watched>()
  readonly #onChange: () => void

  constructor(onChange: () => void) {
    this.#onChange = onChange
  }

  /** Watches exactly these folders from now on. True when one is new: earlier changes in it were not reported. */
  follow(folders: Iterable<string>): boolean {
    const wanted = new Set(folders)
    for (const [folder, { watcher, inode }] of this.#watchers) {
      // A folder that was deleted and made again is another one, for which the old watch reports nothing.
      if (wanted.has(folder) && inodeOf(folder) === inode) continue
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
      const inode = inodeOf(folder)
      const watcher = watch(folder, { persistent: false }, () => this.#onChange())
      watcher.on('error', () => {
        watcher.close()
        this.#watchers.delete(folder)
      })
      this.#watchers.set(folder, { watcher, inode })
      return true
    } catch {
      // Gone already, or no watches left: the next look finds the changes.
      return false
    }
  }
}

function inodeOf(folder: string): number | undefined {
  try {
    return statSync(folder).ino
  } catch {
    return undefined
  }
}
