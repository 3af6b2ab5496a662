import { createHash } from 'node:crypto'
import { basename, join } from 'node:path'
import type { Commit, Oid } from '../blob/oid.ts'
import { joinSafe } from './safe-path.ts'

/** Where the files of a `--local-dir` stand and what huggingface_hub notes about them. Checks every path. */
export class LocalLayout {
  readonly root: string
  /** `.cache/huggingface`: everything that is no file of the repo. */
  readonly state: string

  constructor(root: string) {
    this.root = root
    this.state = join(root, '.cache', 'huggingface')
  }

  file(path: string): string {
    return joinSafe(this.root, path)
  }

  metadata(path: string): string {
    return `${joinSafe(join(this.state, 'download'), path)}.metadata`
  }

  lock(path: string): string {
    return `${joinSafe(join(this.state, 'download'), path)}.lock`
  }

  tree(commit: Commit): string {
    return join(this.state, 'trees', `${commit}.json`)
  }

  /** How the partial file's name begins; the hash keeps two files of one content apart. */
  partialStem(path: string, oid: Oid): string {
    const name = basename(this.metadata(path))
    const hash = createHash('sha1').update(name).digest('base64').replaceAll('+', '-').replaceAll('/', '_')
    return `${hash}.${oid}`
  }
}
