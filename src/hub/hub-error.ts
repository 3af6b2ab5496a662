import { type ErrorCode, errorCodeOfHub } from '../base/error-table.ts'
import { DfhfError } from '../base/errors.ts'
import { isObject } from '../base/json-object.ts'
import { isCommit } from '../blob/oid.ts'
import type { HttpResponse } from '../http/http-response.ts'
import { redactUrl } from '../http/redact-url.ts'
import { isRetryableStatus } from '../http/retry.ts'
import { FileNotFoundError } from '../repo/file-errors.ts'
import { type Repo, repoName } from '../repo/repo.ts'
import { trustHint } from './tokens.ts'

/** What was asked of the Hub, for the words of an error. */
export interface HubQuestion {
  readonly repo: Repo
  readonly revision?: string | undefined
  readonly path?: string | undefined
  /** The call of the API, where not every mirror has it. */
  readonly call?: 'tree' | 'paths-info' | 'revision' | undefined
}

/** The session that asked. */
interface Asker {
  readonly endpoint: string
  /** The repo's page on that endpoint. */
  readonly page: string
  /** Where the token that was sent came from, in words; undefined when none was sent. */
  readonly tokenFrom: string | undefined
  /** Why a token that is there was kept back. */
  readonly withheld: string | undefined
}

/** Reads a response that is no success, body included, in the order in which huggingface_hub tells errors apart. */
export async function hubError(
  response: HttpResponse,
  question: HubQuestion,
  asker: Asker,
): Promise<DfhfError> {
  const { status, headers } = response
  const code = headers.get('x-error-code')
  const named = errorCodeOfHub(code)
  const said = headers.get('x-error-message') ?? (await messageOf(response))
  const commit = headers.get('x-repo-commit')
  const name = repoName(question.repo)
  const at = question.revision === undefined ? name : `${name} at ${question.revision}`
  const hasToken = asker.tokenFrom !== undefined

  if (named === 'revision-not-found') {
    return fail('revision-not-found', `no revision '${question.revision ?? ''}' in ${name}`, {
      hint: `see ${asker.page} for its branches and tags`,
    })
  }
  const isFile = named === 'file-not-found' || (status === 404 && code === undefined && commit !== undefined)
  if (isFile && question.path !== undefined) {
    return new FileNotFoundError(
      `no file '${question.path}' in ${at}`,
      commit !== undefined && isCommit(commit) ? commit : undefined,
    )
  }
  if (isFile) return fail('file-not-found', `no such folder in ${at}`)
  if (named === 'gated') return gated(name, asker)
  // For what else the Hub has a name of its own, its own words are the best.
  if (named !== undefined && named !== 'repo-not-found') return toldError(named, response, said, at)
  if (said === 'Access to this resource is disabled.') {
    return fail('forbidden', `the Hub has disabled ${name}`, { hint: `see ${asker.page}` })
  }
  const isBadToken = status === 401 && hasToken && code === undefined
  if (isBadToken || said?.startsWith('Invalid credentials')) {
    return fail('unauthorized', `the Hub does not accept the token from ${asker.tokenFrom ?? 'nowhere'}`, {
      hint: `make a new one at ${asker.endpoint}/settings/tokens, or leave it out`,
    })
  }
  // The Hub names what it does not find; a server without that call says nothing about the repo.
  const isUnknownCall = code === undefined && commit === undefined && [404, 405, 501].includes(status)
  if (question.call !== undefined && question.call !== 'revision' && isUnknownCall)
    return lacksCall(question.call, asker)
  if (named === 'repo-not-found' || status === 401 || status === 404)
    return repoNotFound(name, asker, isUnknownCall ? question.call : undefined)
  return otherError(response, said, at)
}

function gated(name: string, asker: Asker): DfhfError {
  if (asker.tokenFrom === undefined) {
    return fail('gated', `${name} is gated and no token was sent${reason(asker)}`, {
      hint:
        asker.withheld !== undefined
          ? trustHint
          : `accept its licence at ${asker.page} and set HF_TOKEN, or run 'hf auth login'`,
    })
  }
  return fail('gated', `the account of the token from ${asker.tokenFrom} has no access to ${name}`, {
    hint: `accept its licence, or ask for access, at ${asker.page}`,
  })
}

/** `call` is the one that the server may lack: it does not say that it has no such repo. */
function repoNotFound(name: string, asker: Asker, call?: string): DfhfError {
  if (asker.withheld !== undefined) {
    const host = redactUrl(asker.endpoint)
    return fail('repo-not-found', `${host} shows no repo ${name} without a token, and ${asker.withheld}`, {
      hint: trustHint,
    })
  }
  const check =
    asker.tokenFrom === undefined
      ? 'check the name; a private repo needs HF_TOKEN or --token'
      : `check the name; if it is private, the token from ${asker.tokenFrom} has no access to it`
  const hint =
    call === undefined ? check : `${check}; or this is a mirror that lacks the Hub's call '${call}'`
  return fail('repo-not-found', `no repo ${name} on ${redactUrl(asker.endpoint)}`, { hint })
}

function lacksCall(call: 'tree' | 'paths-info', asker: Asker): DfhfError {
  const what = call === 'tree' ? 'lists of files' : 'descriptions of files'
  return fail(
    'bad-response',
    `${redactUrl(asker.endpoint)} gives no ${what}: it lacks the Hub's call '${call}'`,
    {
      hint: 'fetch each file by its name, or set HF_ENDPOINT to a whole mirror',
    },
  )
}

function otherError(response: HttpResponse, said: string | undefined, at: string): DfhfError {
  const { status, retryAfterMs } = response
  const request = requestOf(response)
  if (status === 429) {
    const wait =
      retryAfterMs === undefined ? '' : `; it asks for ${Math.ceil(retryAfterMs / 1000)} s of patience`
    return fail('rate-limited', `the Hub limits requests${wait}${request}`, {
      hint: 'wait, or send a token: accounts have larger limits',
      retryable: true,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    })
  }
  if (status === 403) {
    return fail('forbidden', `the Hub forbids access to ${at}${after(said)}${request}`, {
      hint: "check the token's permissions",
    })
  }
  return toldError('hub-error', response, said, at)
}

function toldError(code: ErrorCode, response: HttpResponse, said: string | undefined, at: string): DfhfError {
  const { status, retryAfterMs } = response
  return fail(code, `the Hub answered ${status} for ${at}${after(said)}${requestOf(response)}`, {
    retryable: isRetryableStatus(status),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
}

function after(said: string | undefined): string {
  return said === undefined ? '' : `: ${said}`
}

/** The id by which the Hub's people find the request, in brackets. */
function requestOf({ headers }: HttpResponse): string {
  const id = ['x-request-id', 'x-amzn-trace-id', 'x-amz-cf-id'].map((name) => headers.get(name)).find(Boolean)
  return id === undefined ? '' : ` (request ${id})`
}

function reason(asker: Asker): string {
  return asker.withheld === undefined ? '' : ` (${asker.withheld})`
}

function fail(
  code: ErrorCode,
  message: string,
  options: { readonly hint?: string; readonly retryable?: boolean; readonly retryAfterMs?: number } = {},
): DfhfError {
  return new DfhfError(code, message, options)
}

/** What the body says, in JSON's `error` or `errors`, or as plain text; one line of it. */
async function messageOf(response: HttpResponse): Promise<string | undefined> {
  try {
    const text = await response.text(64 * 1024)
    return messageIn(text)?.replace(/\s+/g, ' ').trim().slice(0, 300) || undefined
  } catch {
    return undefined
  }
}

function messageIn(text: string): string | undefined {
  try {
    const body: unknown = JSON.parse(text)
    if (!isObject(body)) return undefined
    if (typeof body.error === 'string') return body.error
    const list = Array.isArray(body.error) ? body.error : Array.isArray(body.errors) ? body.errors : []
    return list
      .map((item: unknown) => (isObject(item) ? item.message : item))
      .filter((item) => typeof item === 'string')
      .join('; ')
  } catch {
    return text.trimStart().startsWith('<') ? undefined : text
  }
}
