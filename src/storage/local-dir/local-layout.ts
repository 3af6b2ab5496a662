import { createHash } from 'node:crypto'
import { basename, join } from 'node:path'
import type { Commit, Oid } from '../../blob/oid.ts'
import { joinSafe } from '../files/safe-path.ts'

/** Where the files of a `--local-dir` stand and what huggingface_hub notes about them. Checks every path. */
export class LocalLayout {
  readonly root: string
  /** `.cache/huggingface`: everything that is no file of the repo. */
  readonly state: string
  /** What is noted of each file. */
  readonly notes: string
  /** The lists of files, by commit. */
  readonly trees: string

  constructor(root: string) {
    this.root = root
    this.state = join(root, '.cache', 'huggingface')
    this.notes = join(this.state, 'download')
    this.trees = join(this.state, 'trees')
  }

  file(path: string): string {
    return joinSafe(this.root, path)
  }

  metadata(path: string): string {
    return `${joinSafe(this.notes, path)}.metadata`
  }

  lock(path: string): string {
    return `${joinSafe(this.notes, path)}.lock`
  }

  tree(commit: Commit): string {
    return join(this.trees, `${commit}.json`)
  }

  /** How the partial file's name begins; the hash keeps two files of one content apart. */
  partialStem(path: string, oid: Oid): string {
    const name = basename(this.metadata(path))
    const hash = createHash('sha1').update(name).digest('base64').replaceAll('+', '-').replaceAll('/', '_')
    return `${hash}.${oid}`
  }
}
