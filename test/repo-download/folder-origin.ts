import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { DfhfError } from '../../src/base/errors.ts'
import { type Commit, isCommit, parseOid } from '../../src/blob/oid.ts'
import type { ByteRange } from '../../src/blob/pieces.ts'
import { FileNotFoundError } from '../../src/repo/file-errors.ts'
import type { DescribedFile, FileRef, ListedFile } from '../../src/repo/file-ref.ts'
import type { ListedPage, Origin, OriginSource, RepoState } from '../../src/repo/origin.ts'
import { type Repo, repoName } from '../../src/repo/repo.ts'

/** Files of this size and more are named by their sha256, as LFS files are. */
const LFS_SIZE = 2 ** 20

/** Repos as folders of files below `root`; `main` is what is in them now, and its commit follows from that. */
export class FolderOrigin implements Origin {
  readonly #root: string

  constructor(root: string) {
    this.#root = root
  }

  async resolveRevision(repo: Repo, revision: string): Promise<RepoState> {
    const files = await this.list(repo).catch(() => undefined)
    if (!files) throw new DfhfError('repo-not-found', `no folder ${repoName(repo)}`)
    const commit = commitOf(files)
    if (revision !== 'main' && revision !== commit)
      throw new DfhfError('revision-not-found', `no revision ${revision} of ${repoName(repo)}`)
    return { commit, isPrivate: false, isGated: false, isDisabled: false }
  }

  async *listPages(repo: Repo): AsyncGenerator<ListedPage> {
    yield { files: await this.list(repo), isLast: true }
  }

  /** All files, in no order. */
  async list(repo: Repo): Promise<ListedFile[]> {
    const folder = join(this.#root, repoName(repo))
    const entries = await readdir(folder, { recursive: true, withFileTypes: true })
    const files: ListedFile[] = []
    for (const entry of entries.filter((each) => each.isFile())) {
      const file = join(entry.parentPath, entry.name)
      const bytes = await readFile(file)
      const blobId = parseOid(createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex'))
      const isLfs = bytes.length >= LFS_SIZE
      const oid = isLfs ? parseOid(createHash('sha256').update(bytes).digest('hex')) : blobId
      files.push({ path: relative(folder, file), size: bytes.length, oid, blobId })
    }
    return files
  }

  async describeFile(repo: Repo, revision: string, path: string): Promise<DescribedFile> {
    const { commit } = await this.resolveRevision(repo, revision)
    for (const file of await this.list(repo)) if (file.path === path) return { ...file, commit }
    throw new FileNotFoundError(`no file '${path}' in ${repoName(repo)}`, commit)
  }

  openSource(repo: Repo, { path }: FileRef): OriginSource {
    const file = Bun.file(join(this.#root, repoName(repo), path))
    const open = async ({ start, end }: ByteRange) => file.slice(start, end).stream()
    return { kind: 'hub', name: 'folder', open, isGiven: () => file.exists() }
  }

  isPublic(): Promise<boolean> {
    return Promise.resolve(true)
  }
}

function commitOf(files: readonly ListedFile[]): Commit {
  const lines = files.map(({ path, oid }) => `${oid} ${path}\n`).sort()
  const commit = createHash('sha1').update(lines.join('')).digest('hex')
  if (!isCommit(commit)) throw new Error(commit)
  return commit
}
