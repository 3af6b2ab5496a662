import { canSee, refusal, repoNotFound } from '../access.ts'
import { type HttpAnswer, textAnswer } from '../http/message.ts'
import type { RepoStore } from '../repo-store.ts'
import type { Route } from '../route.ts'
import { whoami, xetReadToken } from './account.ts'
import type { RevisionContext, RouteContext } from './context.ts'
import { git } from './git.ts'
import { info } from './info.ts'
import { lfsBatch } from './lfs-batch.ts'
import { pathsInfo } from './paths-info.ts'
import { commits, refs } from './refs.ts'
import { raw, resolve, resolveCached } from './resolve.ts'
import { tree } from './tree.ts'

const atRevision: Partial<Record<Route['kind'], (context: RevisionContext) => HttpAnswer>> = {
  resolve,
  'resolve-cache': resolveCached,
  raw,
  info,
  tree,
  'paths-info': pathsInfo,
  commits,
  'xet-read-token': xetReadToken,
}

const atRepo: Partial<Record<Route['kind'], (context: RouteContext) => HttpAnswer | Promise<HttpAnswer>>> = {
  refs,
  'lfs-batch': lfsBatch,
  git,
}

/** Answers a request to the Hub's own host. */
export function answerHub(
  base: Omit<RouteContext, 'repo'>,
  repos: RepoStore,
): HttpAnswer | Promise<HttpAnswer> {
  const { route, caller, request } = base
  if (caller === 'invalid') return refusal(401, 'Invalid credentials in Authorization header')
  if (route.kind === 'whoami') return whoami(caller)
  if (route.kind === 'other') return textAnswer(404, "Sorry, we can't find the page you are looking for.")
  const renamed = repos.renamed(route.type, route.id)
  if (renamed !== undefined) return redirectTo(request.target, route.id, renamed)
  const repo = repos.get(route.type, route.id)
  if (!repo || !canSee(caller, repo)) return repoNotFound(caller)
  if (repo.spec.disabled) return refusal(403, 'Access to this resource is disabled.')
  const repoAnswer = atRepo[route.kind]
  if (repoAnswer) return repoAnswer({ ...base, repo })
  const commit = repo.resolve(route.revision === '' ? 'main' : route.revision)
  if (!commit) return refusal(404, `Invalid rev id: ${route.revision}`, 'RevisionNotFound')
  return atRevision[route.kind]?.({ ...base, repo, commit }) ?? textAnswer(405, 'Method not allowed')
}

function redirectTo(target: string, formerId: string, id: string): HttpAnswer {
  const location = target.replace(`/${formerId}`, `/${id}`)
  return textAnswer(307, `Temporary Redirect. Redirecting to ${location}`, { Location: location })
}
