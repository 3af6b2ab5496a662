import { UnusableNameError } from '../repo/file-errors.ts'

/** The part of a listing's entry that decides whether it clashes with others. */
interface Listed {
  readonly path: string
  readonly oid: string
}

/** Files of a listing that may be stored together, each path once, and why some of them may not. */
export interface Sorted<T> {
  readonly files: readonly T[]
  /** By path. */
  readonly clashes: ReadonlyMap<string, UnusableNameError>
}

/**
 * Finds the paths of a listing that cannot be stored beside the others: a file that is a folder of others as well, or
 * one that is listed with two contents. No git tree holds either, so the listing of a mirror is wrong, and dfhf cannot
 * know how. What clashes with a file of an earlier page, which may stand on the disk by now, is refused itself.
 */
export class ListingClashes {
  readonly #oids = new Map<string, string>()
  readonly #folders = new Set<string>()

  /** Takes the next page of the listing. */
  add<T extends Listed>(page: readonly T[]): Sorted<T> {
    const clashes = new Map<string, UnusableNameError>()
    const found = new Map<string, T>()
    for (const file of page) {
      const { path, oid } = file
      const known = this.#oids.get(path)
      if (known === undefined) this.#oids.set(path, oid)
      else if (known !== oid) clashes.set(path, clash(path, 'it is listed with two contents'))
      if (known === undefined || (known !== oid && !found.has(path))) found.set(path, file)
    }
    for (const path of found.keys()) {
      const parent = this.#takeFolders(path, found)
      if (parent !== undefined) clashes.set(path, clash(path, `${JSON.stringify(parent)} is a file, too`))
    }
    for (const path of found.keys())
      if (this.#folders.has(path)) clashes.set(path, clash(path, 'it is a folder of other files, too'))
    return { files: [...found.values()], clashes }
  }

  /** Notes the folders above a path; gives the one that stands as a file already, from an earlier page. */
  #takeFolders(path: string, page: ReadonlyMap<string, unknown>): string | undefined {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const folder = path.slice(0, end)
      if (this.#folders.has(folder)) continue
      if (this.#oids.has(folder) && !page.has(folder)) return folder
      this.#folders.add(folder)
    }
    return undefined
  }
}

function clash(path: string, why: string): UnusableNameError {
  return new UnusableNameError('bad-response', `refused the path ${JSON.stringify(path)}: ${why}`)
}
