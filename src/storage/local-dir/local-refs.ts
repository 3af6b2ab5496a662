import { createHash } from 'node:crypto'
import { mkdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Commit } from '../../blob/oid.ts'
import { readRefFile, writeRefFile } from '../cache/ref-file.ts'
import { onDisk } from '../files/disk-error.ts'

/**
 * What the revisions of a repo meant when they were last put into one local dir. It stands in dfhf's own state: a local
 * dir holds what the Hub's own client writes and no more, and the cache's refs speak of the cache's snapshots.
 */
export class LocalRefs {
  readonly #folder: string
  readonly #repo: string

  constructor(stateDir: string, options: { readonly localDir: string; readonly repo: string }) {
    this.#folder = join(stateDir, 'local-refs', nameOf(options.localDir))
    this.#repo = options.repo
  }

  /** True when the commit of at least one revision is noted. */
  async isKnown(): Promise<boolean> {
    return (await stat(this.#folder).catch(() => undefined)) !== undefined
  }

  read(revision: string): Promise<Commit | undefined> {
    return readRefFile(this.#pathOf(revision))
  }

  /** Throws `disk` and `disk-full`. */
  async write(revision: string, commit: Commit): Promise<void> {
    await writeRefFile(this.#folder, this.#pathOf(revision), commit, async (path) => {
      await onDisk('make the folder', dirname(path), () => mkdir(dirname(path), { recursive: true }))
    })
  }

  #pathOf(revision: string): string {
    return join(this.#folder, nameOf(`${this.#repo}@${revision}`))
  }
}

/** A file name for a revision, whose own name may hold what file names cannot. */
function nameOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
