import { createHash } from 'node:crypto'
import { type Content, type ContentSpec, type FileOptions, openContent, readAll } from './content.ts'
import { gitId, lfsPointer, sha256Of } from './digest.ts'
import { buildCommit, buildTrees, type GitObject, type GitTrees } from './git-objects.ts'

/** The repo types that have a route of their own. */
export type RepoType = 'model' | 'dataset' | 'space' | 'kernel'

/** The files of one commit, complete (not a change to the one before). Paths are taken as they are, bad ones too. */
export type FilesSpec = Readonly<Record<string, ContentSpec>>

/** A repo as plain data, so that it can also come as JSON. */
export interface RepoSpec {
  readonly id: string
  readonly type?: RepoType
  readonly private?: boolean
  readonly gated?: 'auto' | 'manual'
  readonly disabled?: boolean
  /** Announces every LFS file as a Xet file too. */
  readonly xet?: boolean
  /** Former ids, which redirect here. */
  readonly formerIds?: readonly string[]
  /** Oldest first; the last is `main`. */
  readonly commits: readonly FilesSpec[]
  /** Name to index in `commits`; names may contain slashes. */
  readonly branches?: Readonly<Record<string, number>>
  readonly tags?: Readonly<Record<string, number>>
  /** Any other ref, such as `refs/pr/1` or `refs/convert/parquet`. */
  readonly refs?: Readonly<Record<string, number>>
  /** Files larger than this are LFS unless they say otherwise. @default 10 MiB, as on the Hub for text */
  readonly lfsFrom?: number
  readonly info?: Readonly<Record<string, unknown>>
}

/** One file of a commit. */
export interface RepoFile {
  readonly content: Content
  /** What names the blob: sha256 for LFS, git blob sha1 otherwise. */
  readonly oid: string
  /** As the Hub states it; the content's own unless the spec lies. */
  readonly size: number
  /** Git's own id: of the pointer for LFS. */
  readonly gitId: string
  readonly lfs: { readonly pointer: Uint8Array } | undefined
  readonly xetHash: string | undefined
}

/** One commit with everything that git would store for it. */
export interface Commit {
  readonly id: string
  readonly title: string
  readonly date: Date
  readonly parent: string | undefined
  readonly files: ReadonlyMap<string, RepoFile>
  readonly trees: GitTrees
  readonly object: GitObject
}

/** A repo of the test Hub; commits and refs may be added while it serves. */
export class Repo {
  readonly id: string
  readonly type: RepoType
  readonly spec: RepoSpec
  readonly commits = new Map<string, Commit>()
  /** Full ref name (`refs/heads/main`, `refs/pr/1`) to commit id. */
  readonly refs = new Map<string, string>()
  readonly #files = new Map<string, RepoFile>()

  constructor(spec: RepoSpec) {
    this.id = spec.id
    this.type = spec.type ?? 'model'
    this.spec = spec
    const ids = spec.commits.map((files) => this.commit(files).id)
    this.#pointAll('refs/heads/', spec.branches, ids)
    this.#pointAll('refs/tags/', spec.tags, ids)
    this.#pointAll('', spec.refs, ids)
  }

  /** Adds a commit on top of a branch, which then points at it. */
  commit(files: FilesSpec, branch = 'main'): Commit {
    const parent = this.refs.get(`refs/heads/${branch}`)
    const title = parent === undefined ? 'initial commit' : `Update ${Object.keys(files)[0] ?? 'nothing'}`
    const date = new Date(Date.UTC(2024, 0, 1 + this.commits.size))
    const entries = new Map(Object.entries(files).map(([path, spec]) => [path, this.#openFile(spec)]))
    const trees = buildTrees(entries)
    const object = buildCommit(trees.folders.get('') ?? '', parent, title, date)
    const commit = { id: object.id, title, date, parent, files: entries, trees, object }
    this.commits.set(commit.id, commit)
    this.refs.set(`refs/heads/${branch}`, commit.id)
    return commit
  }

  /** The commit that a branch, tag, ref, or full or short commit id names. */
  resolve(revision: string): Commit | undefined {
    const named = [`refs/heads/${revision}`, `refs/tags/${revision}`, revision]
      .map((ref) => this.refs.get(ref))
      .find((id) => id !== undefined)
    if (named !== undefined) return this.commits.get(named)
    if (!/^[0-9a-f]{7,40}$/.test(revision)) return undefined
    return [...this.commits.values()].find((commit) => commit.id.startsWith(revision))
  }

  /** A file by what names its blob. */
  blob(oid: string): RepoFile | undefined {
    return this.#files.get(oid)
  }

  #pointAll(
    prefix: string,
    names: Readonly<Record<string, number>> | undefined,
    ids: readonly string[],
  ): void {
    for (const [name, index] of Object.entries(names ?? {})) {
      const id = ids[index]
      if (id === undefined) throw new Error(`test hub: ${this.id} has no commit ${index} for ${name}`)
      this.refs.set(prefix + name, id)
    }
  }

  #openFile(spec: ContentSpec): RepoFile {
    const content = openContent(spec)
    const { lfs, claims }: FileOptions = typeof spec === 'string' || spec instanceof Uint8Array ? {} : spec
    const isLfs = lfs ?? content.size > (this.spec.lfsFrom ?? 10 * 1024 * 1024)
    const file = isLfs ? lfsFile(content, claims, this.spec.xet ?? false) : regularFile(content, claims)
    const known = this.#files.get(file.oid)
    if (known && (known.lfs !== undefined) === isLfs && known.size === file.size) return known
    this.#files.set(file.oid, file)
    return file
  }
}

function lfsFile(content: Content, claims: FileOptions['claims'], hasXet: boolean): RepoFile {
  const oid = claims?.oid ?? sha256Of(content)
  const size = claims?.size ?? content.size
  const pointer = new TextEncoder().encode(lfsPointer(oid, size))
  const xetHash = hasXet ? createHash('sha256').update(`xet ${oid}`).digest('hex') : undefined
  return { content, oid, size, gitId: gitId('blob', pointer), lfs: { pointer }, xetHash }
}

function regularFile(content: Content, claims: FileOptions['claims']): RepoFile {
  const oid = claims?.oid ?? gitId('blob', readAll(content))
  return { content, oid, size: claims?.size ?? content.size, gitId: oid, lfs: undefined, xetHash: undefined }
}
