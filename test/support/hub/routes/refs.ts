import { type HttpAnswer, jsonAnswer } from '../http/message.ts'
import type { RevisionContext, RouteContext } from './context.ts'
import { isTrue } from './tree-entry.ts'

const commitsPage = 50

/** Branches, converted branches, tags, and pull requests when asked for. */
export function refs({ repo, request }: RouteContext): HttpAnswer {
  const list = (prefix: string, isNameWhole = false) =>
    [...repo.refs]
      .filter(([ref]) => ref.startsWith(prefix))
      .map(([ref, targetCommit]) => ({
        name: isNameWhole ? ref : ref.slice(prefix.length),
        ref,
        targetCommit,
      }))
  return jsonAnswer({
    branches: list('refs/heads/'),
    converts: list('refs/convert/'),
    tags: list('refs/tags/'),
    ...(isTrue(request.query.get('include_prs')) && { pullRequests: list('refs/pr/', true) }),
  })
}

/** The history from a revision back, newest first, in pages. */
export function commits({ repo, commit, request, hubUrl, settings }: RevisionContext): HttpAnswer {
  const history: object[] = []
  for (let at = commit as typeof commit | undefined; at; at = repo.commits.get(at.parent ?? '')) {
    const { id, title, date } = at
    history.push({ id, title, message: '', date: date.toISOString(), authors: [{ user: 'test-hub' }] })
  }
  const size = settings.pageSize ?? commitsPage
  const page = Number(request.query.get('p') ?? 0)
  const hasNext = (page + 1) * size < history.length
  const next = `<${hubUrl}${request.path}?p=${page + 1}>; rel="next"`
  return jsonAnswer(history.slice(page * size, (page + 1) * size), {
    'X-Total-Count': String(history.length),
    ...(hasNext && { Link: next }),
  })
}
