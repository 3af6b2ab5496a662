import { countOf } from '../base/count-of.ts'
import { formatSize } from '../base/size.ts'
import { safeText } from './safe-text.ts'
import { textTable } from './text-table.ts'

/** What the Hugging Face cache and the store of this machine hold. */
export interface StorageList {
  readonly cache: {
    readonly path: string
    readonly size: number
    readonly repos: readonly {
      readonly repo: string
      readonly size: number
      readonly usedAt: string
      readonly revisions: readonly {
        readonly commit: string
        readonly refs: readonly string[]
        readonly files: number
        readonly size: number
      }[]
    }[]
  }
  readonly store: {
    readonly path: string | null
    readonly size: number
    readonly blobs: readonly {
      readonly oid: string
      readonly size: number
      readonly usedAt: string
      readonly repos: readonly string[]
    }[]
  }
}

/** The list for people: a line a revision, then a line a blob of the store. */
export function listText({ cache, store }: StorageList): string {
  const revisions = cache.repos.flatMap((repo) => {
    const rows = repo.revisions.map(({ commit, refs, files, size }) => [
      repo.repo,
      [commit.slice(0, 12), ...refs].join(' '),
      countOf(files, 'file'),
      formatSize(size),
      dayOf(repo.usedAt),
    ])
    return rows.length > 0 ? rows : [[repo.repo, '-', '0 files', formatSize(repo.size), dayOf(repo.usedAt)]]
  })
  const blobs = store.blobs.map(({ oid, size, repos, usedAt }) => [
    oid.slice(0, 12),
    repos.join(' ') || '-',
    formatSize(size),
    dayOf(usedAt),
  ])
  const parts = [
    `${safeText(cache.path)}: ${countOf(cache.repos.length, 'repo')}, ${formatSize(cache.size)}\n`,
    revisions.length > 0 ? textTable([['REPO', 'REVISION', 'FILES', 'SIZE', 'USED'], ...revisions]) : '',
  ]
  if (store.path !== null) {
    parts.push(`${safeText(store.path)}: ${countOf(store.blobs.length, 'blob')}, ${formatSize(store.size)}\n`)
    if (blobs.length > 0) parts.push(textTable([['BLOB', 'REPOS', 'SIZE', 'USED'], ...blobs]))
  }
  return parts.join('')
}

function dayOf(iso: string): string {
  return iso.slice(0, 16).replace('T', ' ')
}
