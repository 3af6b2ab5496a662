import { join } from 'node:path'
import { DfhfError } from '../../base/errors.ts'
import type { Commit, Oid } from '../../blob/oid.ts'
import { checkNameSize, joinSafe, splitSafePath } from '../files/safe-path.ts'

/** A repo as the cache names it. */
export interface CacheRepo {
  readonly type: 'model' | 'dataset' | 'space' | 'kernel'
  /** `name` or `namespace/name`, case kept. */
  readonly id: string
}

const repoTypes = ['model', 'dataset', 'space', 'kernel'] as const

/** `models--org--name`; throws `usage` for an id that the Hub would not accept. */
export function repoFolderName(repo: CacheRepo): string {
  const parts = repo.id.split('/')
  if (parts.length > 2 || !parts.every(isRepoPart)) {
    throw new DfhfError('usage', `not a repo id: '${repo.id.slice(0, 120)}'`, {
      hint: 'write it as org/name',
    })
  }
  return [`${repo.type}s`, ...parts].join('--')
}

/** The repo that a folder of the cache root belongs to; undefined for any other entry. */
export function parseRepoFolderName(name: string): CacheRepo | undefined {
  const [types, ...parts] = name.split('--')
  const type = repoTypes.find((candidate) => `${candidate}s` === types)
  if (type === undefined || parts.length < 1 || parts.length > 2 || !parts.every(isRepoPart)) return undefined
  return { type, id: parts.join('/') }
}

function isRepoPart(part: string): boolean {
  return (
    /^\w(?:[\w.-]{0,94}\w)?$/.test(part) &&
    !part.includes('--') &&
    !part.includes('..') &&
    !part.endsWith('.git')
  )
}

/** Where everything of one repo stands below a Hugging Face cache root. Every method checks what it is given. */
export class RepoLayout {
  readonly folder: string
  readonly blobs: string
  readonly refs: string
  readonly #root: string
  readonly #name: string

  constructor(root: string, repo: CacheRepo) {
    this.#root = root
    this.#name = repoFolderName(repo)
    this.folder = join(root, this.#name)
    this.blobs = join(this.folder, 'blobs')
    this.refs = join(this.folder, 'refs')
  }

  blob(oid: Oid): string {
    return join(this.blobs, oid)
  }

  lock(oid: Oid): string {
    return join(this.#root, '.locks', this.#name, `${oid}.lock`)
  }

  ref(revision: string): string {
    return joinSafe(this.refs, revision, 'usage')
  }

  snapshot(commit: Commit): string {
    return join(this.folder, 'snapshots', commit)
  }

  entry(commit: Commit, path: string): string {
    return joinSafe(this.snapshot(commit), path)
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
  return `${'../'.repeat(splitSafePath(path).length + 1)}blobs/${oid}`
}
