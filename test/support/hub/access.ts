import { type HttpAnswer, jsonAnswer } from './http/message.ts'
import type { Repo } from './repo.ts'

/** A user with a token: `access` lists private repos that they see and gated ones whose terms they accepted. */
export interface User {
  readonly name: string
  readonly token: string
  readonly access?: readonly string[]
}

/** The caller: without a token, a known user, or with a token that the Hub does not know. */
export type Caller = User | 'anonymous' | 'invalid'

/** Reads Authorization: `Bearer`, or `Basic` with the token as password as git sends it. */
export function identify(header: string | null, users: readonly User[]): Caller {
  if (header === null) return 'anonymous'
  const [scheme = '', value = ''] = header.split(' ')
  const isBasic = scheme.toLowerCase() === 'basic'
  const token = isBasic
    ? Buffer.from(value, 'base64')
        .toString()
        .replace(/^[^:]*:/, '')
    : value
  return users.find((user) => user.token === token) ?? 'invalid'
}

/** Whether the caller may know that the repo is there. */
export function canSee(caller: Caller, repo: Repo): boolean {
  return repo.spec.private !== true || hasAccess(caller, repo)
}

/** The refusal of a gated file to this caller, or undefined when they may have it. */
export function gateRefusal(caller: Caller, repo: Repo): HttpAnswer | undefined {
  if (repo.spec.gated === undefined || hasAccess(caller, repo)) return undefined
  const start = `Access to ${repo.type} ${repo.id} is restricted`
  return caller === 'anonymous'
    ? refusal(
        401,
        `${start}. You must have access to it and be authenticated to access it. Please log in.`,
        'GatedRepo',
      )
    : refusal(
        403,
        `${start} and you are not in the authorized list. Visit the repo's page to ask for access.`,
        'GatedRepo',
      )
}

/** An error as the Hub words it: code and message in headers, the message again in the body. */
export function refusal(status: number, message: string, code?: string, commit?: string): HttpAnswer {
  return jsonAnswer(
    { error: message },
    {
      ...(code !== undefined && { 'X-Error-Code': code }),
      'X-Error-Message': message,
      ...(commit !== undefined && { 'X-Repo-Commit': commit }),
      ...(status === 401 && { 'WWW-Authenticate': challenges }),
    },
    status,
  )
}

/** The Hub tells an anonymous caller 401 for a repo that it will not show, and any other caller 404. */
export function repoNotFound(caller: Caller): HttpAnswer {
  return caller === 'anonymous'
    ? refusal(401, 'Invalid username or password.')
    : refusal(404, 'Repository not found', 'RepoNotFound')
}

function hasAccess(caller: Caller, repo: Repo): boolean {
  return typeof caller === 'object' && (caller.access ?? []).includes(repo.id)
}

/** git answers only to Basic, so the Hub offers it too. */
const challenges = ['Bearer realm="Authentication required"', 'Basic realm="Authentication required"']
