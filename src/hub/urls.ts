import { pluralOf, type Repo, type RepoType } from '../repo/repo.ts'

/** The addresses of one Hub, quoted as its own clients quote them. */
export interface HubUrls {
  /** The page for people. */
  page(repo: Repo): string
  /** A file's content or metadata; the path keeps its slashes, the revision does not. */
  resolve(repo: Repo, revision: string, path: string): string
  repoInfo(repo: Repo, revision: string | undefined): string
  tree(repo: Repo, revision: string): string
  pathsInfo(repo: Repo, revision: string): string
}

/** Makes the addresses below `endpoint`, which has no trailing slash. */
export function hubUrls(endpoint: string): HubUrls {
  const page = (repo: Repo) => `${endpoint}/${prefixOf(repo.type)}${repo.id}`
  const api = (repo: Repo) => `${endpoint}/api/${pluralOf(repo.type)}/${repo.id}`
  return {
    page,
    resolve: (repo, revision, path) => `${page(repo)}/resolve/${quote(revision)}/${quotePath(path)}`,
    repoInfo: (repo, revision) =>
      revision === undefined ? api(repo) : `${api(repo)}/revision/${quote(revision)}`,
    tree: (repo, revision) => `${api(repo)}/tree/${quote(revision)}?recursive=true&expand=false`,
    pathsInfo: (repo, revision) => `${api(repo)}/paths-info/${quote(revision)}`,
  }
}

/** Percent-encodes every byte but letters, digits and `_.-~`, as Python's `quote(safe='')`. */
export function quote(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** The same, slashes kept. */
export function quotePath(path: string): string {
  return path.split('/').map(quote).join('/')
}

function prefixOf(type: RepoType): string {
  return type === 'model' ? '' : `${pluralOf(type)}/`
}
