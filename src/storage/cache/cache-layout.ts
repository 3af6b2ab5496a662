import { join, sep } from 'node:path'
import type { Commit, Oid } from '../../blob/oid.ts'
import { checkRepoId, isRepoId, pluralOf, type Repo, repoTypes } from '../../repo/repo.ts'
import { checkNameSize, checkPathSize, joinSafe, splitSafePath } from '../files/safe-path.ts'

/** `models--org--name`; throws `usage` for an id that the Hub would not accept. */
export function repoFolderName({ type, id }: Repo): string {
  return [pluralOf(type), ...checkRepoId(id).split('/')].join('--')
}

/** The repo that a folder of the cache root belongs to; undefined for any other entry. */
export function parseRepoFolderName(name: string): Repo | undefined {
  const [types, ...parts] = name.split('--')
  const type = repoTypes.find((candidate) => pluralOf(candidate) === types)
  const id = parts.join('/')
  return type !== undefined && isRepoId(id) ? { type, id } : undefined
}

/** An entry of a snapshot. */
export interface EntryLink {
  readonly entry: string
  readonly folder: string
  readonly target: string
}

/** Where everything of one repo stands below a Hugging Face cache root. Every method checks what it is given. */
export class RepoLayout {
  readonly folder: string
  readonly blobs: string
  readonly refs: string
  readonly #root: string
  readonly #name: string

  constructor(root: string, repo: Repo) {
    this.#root = root
    this.#name = repoFolderName(repo)
    this.folder = join(root, this.#name)
    this.blobs = join(this.folder, 'blobs')
    this.refs = join(this.folder, 'refs')
  }

  blob(oid: Oid): string {
    return `${this.blobs}${sep}${oid}`
  }

  lock(oid: Oid): string {
    return join(this.#root, '.locks', this.#name, `${oid}.lock`)
  }

  ref(revision: string): string {
    return joinSafe(this.refs, revision, 'usage')
  }

  snapshot(commit: Commit): string {
    return [this.folder, 'snapshots', commit].join(sep)
  }

  entry(commit: Commit, path: string): string {
    return joinSafe(this.snapshot(commit), path)
  }

  /** The entry of a file, the folder that it stands in, and what its link contains: at the least cost, for many files. */
  link(commit: Commit, path: string, oid: Oid): EntryLink {
    const segments = splitSafePath(path)
    checkNameSize(oid)
    const folder = [this.snapshot(commit), ...segments.slice(0, -1)].join(sep)
    const entry = `${folder}${sep}${segments.at(-1)}`
    checkPathSize(entry, path)
    return { entry, folder, target: targetOf(segments, oid) }
  }

  missing(commit: Commit, path: string): string {
    return joinSafe(join(this.folder, '.no_exist', commit), path)
  }

  tree(commit: Commit): string {
    return join(this.folder, 'trees', `${commit}.json`)
  }
}

/** What the link of a snapshot entry contains: the blob's path relative to the folder that the entry stands in. */
export function linkTarget(path: string, oid: Oid): string {
  checkNameSize(oid)
  return targetOf(splitSafePath(path), oid)
}

function targetOf(segments: readonly string[], oid: Oid): string {
  return `${'../'.repeat(segments.length + 1)}blobs/${oid}`
}
