import { type Commit, isCommit } from '../../blob/oid.ts'
import type { Repo } from '../../repo/repo.ts'
import type { HubSession } from '../hub-session.ts'
import { asArray, asObject, asString } from './json-shape.ts'

/** A branch, tag, pull request or conversion of a repo. */
export interface RepoRef {
  /** As it is given for a revision: `main`, `refs/pr/1`, `refs/convert/parquet`. */
  readonly name: string
  readonly kind: 'branch' | 'tag' | 'pull-request' | 'conversion'
  readonly commit: Commit
}

const kinds = {
  branches: 'branch',
  tags: 'tag',
  pullRequests: 'pull-request',
  converts: 'conversion',
} as const

/** The refs of a repo. */
export async function listRefs(
  session: HubSession,
  repo: Repo,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<readonly RepoRef[]> {
  const value = await session.ask(
    { url: session.urls.refs(repo), signal: options.signal },
    { repo },
    (response) => response.json(16 * 2 ** 20),
  )
  const lists = asObject(value, 'list of refs')
  return Object.entries(kinds).flatMap(([field, kind]) =>
    asArray(lists[field] ?? [], 'list of refs').flatMap((item) => {
      const { name, ref, targetCommit } = asObject(item, 'ref')
      const commit = asString(targetCommit, 'commit of a ref')
      const isLong = kind === 'pull-request' || kind === 'conversion'
      return isCommit(commit) ? [{ name: asString(isLong ? ref : name, 'name of a ref'), kind, commit }] : []
    }),
  )
}
