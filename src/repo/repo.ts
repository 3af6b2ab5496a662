import { DfhfError } from '../base/errors.ts'

/** The kinds of repo on the Hub. */
export const repoTypes = ['model', 'dataset', 'space', 'kernel'] as const
export type RepoType = (typeof repoTypes)[number]

/** One repo: its kind and its id, `name` or `namespace/name`. */
export interface Repo {
  readonly type: RepoType
  readonly id: string
}

/** A repo, perhaps with a revision and a path, as the user wrote it. */
export interface RepoReference extends Repo {
  readonly revision?: string
  readonly path?: string
}

/** The type's name in API paths, in `hf://` addresses and in the cache: `models`, `datasets`. */
export function pluralOf(type: RepoType): string {
  return `${type}s`
}

/** How people write the repo: `org/name`, `datasets/org/name`. */
export function repoName(repo: Repo): string {
  return repo.type === 'model' ? repo.id : `${pluralOf(repo.type)}/${repo.id}`
}

/** Parses what `repoName` writes; throws `usage`. */
export function parseRepoName(text: string): Repo {
  const [first, ...rest] = text.split('/')
  const type = repoTypes.find((known) => pluralOf(known) === first)
  return type && rest.length > 0
    ? { type, id: checkRepoId(rest.join('/')) }
    : { type: 'model', id: checkRepoId(text) }
}

/** Parses `model`, `dataset`, `space` or `kernel`, as `--repo-type` takes it; the plural is fine too. */
export function parseRepoType(text: string): RepoType {
  const type = repoTypes.find((known) => known === text || pluralOf(known) === text)
  if (type) return type
  throw new DfhfError('usage', `no such repo type: '${text}'`, { hint: `use ${repoTypes.join(', ')}` })
}

/** True for a repo id by the Hub's rules: one or two parts that fit into a folder's name of the cache. */
export function isRepoId(id: string): boolean {
  const parts = id.split('/')
  const isPart = (part: string) => /^\w(?:[\w.-]{0,94}\w)?$/.test(part)
  return parts.length <= 2 && parts.every(isPart) && !/--|\.\./.test(id) && !id.endsWith('.git')
}

/** Checks a repo id; throws `usage`. */
export function checkRepoId(id: string): string {
  if (isRepoId(id)) return id
  throw new DfhfError('usage', `not a repo id: '${id}'`, { hint: 'write it as org/name' })
}

/** Checks a branch, tag or commit name; it becomes part of a path, so no step up and no empty part. Throws `usage`. */
export function checkRevision(revision: string): string {
  const parts = revision.split('/')
  const isSafe = parts.every((part) => part !== '' && part !== '.' && part !== '..')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (isSafe && !/[\u0000-\u0020\u007f\\~^:?*[]/.test(revision) && revision.length <= 255) return revision
  throw new DfhfError('usage', `not a revision: '${revision}'`, { hint: 'give a branch, a tag or a commit' })
}
