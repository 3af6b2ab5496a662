import { DfhfError } from '../../base/errors.ts'
import { isCommit } from '../../blob/oid.ts'
import type { RepoState } from '../../repo/origin.ts'
import type { Repo } from '../../repo/repo.ts'
import type { HubSession } from '../hub-session.ts'
import { asString } from './json-shape.ts'
import { readJsonFields } from './read-json.ts'

/** What the Hub says of a repo at a revision. */
export interface RepoInfo extends RepoState {
  /** The repo's present id; another one than asked for when it was renamed. */
  readonly id: string
}

/** Resolves a revision to its commit; throws `repo-not-found`, `revision-not-found`, `gated` and so on. */
export async function repoInfo(
  session: HubSession,
  repo: Repo,
  revision: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<RepoInfo> {
  // Only named fields are read, as the list of files in the response grows with the repo.
  const info = await session.ask(
    { url: session.urls.repoInfo(repo, revision), signal: options.signal },
    { repo, revision, call: 'revision' },
    (response) => readJsonFields(response, 'repo info', ['id', 'sha', 'private', 'gated', 'disabled']),
  )
  const sha = asString(info.sha, 'commit of the repo')
  if (!isCommit(sha)) throw new DfhfError('bad-response', "the Hub's answer has no proper commit of the repo")
  return {
    id: asString(info.id, 'repo id'),
    commit: sha,
    isPrivate: info.private === true,
    isGated: info.gated !== undefined && info.gated !== null && info.gated !== false,
    isDisabled: info.disabled === true,
  }
}
