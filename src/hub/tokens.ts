import { join } from 'node:path'
import { type Environment, isSwitchedOn } from '../base/environment.ts'
import { DfhfError } from '../base/errors.ts'
import { expandPath, huggingFaceHome } from '../base/expand-path.ts'
import { isLoopbackHost } from '../base/loopback.ts'
import { parseEndpoint } from './endpoint.ts'

/** A token of the Hub and where it came from, in words. */
export interface Token {
  readonly value: string
  readonly from: string
}

/** What decides which token is used. */
export interface TokenSources {
  /** `--token`. */
  readonly explicit?: string | undefined
  readonly env: Environment
  /** The text of a file, or undefined when it cannot be read. */
  readonly readFile: (path: string) => string | undefined
}

/**
 * The token by the order of huggingface_hub: `--token`, HF_TOKEN, HUGGING_FACE_HUB_TOKEN, then the file that a login
 * wrote. HF_HUB_DISABLE_IMPLICIT_TOKEN leaves the first alone. Throws `usage` for one that cannot be a header.
 */
export function findToken({ explicit, env, readFile }: TokenSources): Token | undefined {
  const given = clean(explicit)
  if (given) return { value: given, from: '--token' }
  if (isSwitchedOn(env.HF_HUB_DISABLE_IMPLICIT_TOKEN)) return undefined
  for (const from of ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN']) {
    const value = clean(env[from], from)
    if (value) return { value, from }
  }
  const path = tokenPath(env)
  const value = path && clean(readFile(path), path)
  return value ? { value, from: path } : undefined
}

/** What the user allows. */
export interface TokenRule {
  /** Sends tokens in clear where the server is on another machine. @default false */
  readonly allowPlainHttp?: boolean | undefined
  /** The one server on another machine that may have tokens in clear, as `http://host:port`. @default none */
  readonly trustedOrigin?: string | undefined
}

/** True where no host on the way can read a token, over https and on this machine, or where the user insists. */
export function isSafeForToken(url: URL, rule: TokenRule = {}): boolean {
  if (url.protocol === 'https:' || isLoopbackHost(url.hostname)) return true
  return rule.allowPlainHttp === true || url.origin === rule.trustedOrigin
}

/** What the user allows: DFHF_ALLOW_PLAIN_HTTP_TOKEN for every server, a trusted endpoint for that one. */
export function tokenRuleOf(
  env: Environment,
  { endpoint, isTrusted }: { readonly endpoint: string; readonly isTrusted: boolean },
): TokenRule {
  return {
    allowPlainHttp: isSwitchedOn(env.DFHF_ALLOW_PLAIN_HTTP_TOKEN),
    trustedOrigin: isTrusted ? parseEndpoint(endpoint).origin : undefined,
  }
}

/** What to do where a token is kept back, for hints. */
export const trustHint =
  '--trust-endpoint (DFHF_TRUST_ENDPOINT=1) sends it there all the same, as to the gateway of your own node'

/** What of a token may be sent to an endpoint. */
export interface TokenDecision {
  readonly token: Token | undefined
  /** Why there is a token that is not sent, in words; for a warning, and for the errors that it may cause. */
  readonly withheld: string | undefined
}

/**
 * A token goes over https, to this machine, or where the user insists. One given by `--token` that would go in
 * clear throws `usage`; one found elsewhere is kept back, so that a public repo on a plain mirror still works.
 */
export function decideToken(
  token: Token | undefined,
  endpoint: string,
  options: TokenRule = {},
): TokenDecision {
  const url = parseEndpoint(endpoint)
  if (!token || isSafeForToken(url, options)) return { token, withheld: undefined }
  const where = `${url.host} over plain http`
  if (token.from === '--token') {
    throw new DfhfError('usage', `will not send the token to ${where}`, {
      hint: `use an https endpoint; ${trustHint}`,
    })
  }
  return { token: undefined, withheld: `the token from ${token.from} is not sent to ${where}` }
}

/** The file that a login wrote; undefined for a user without a home folder. */
export function tokenPath(env: Environment): string | undefined {
  if (env.HF_TOKEN_PATH) return expandPath(env.HF_TOKEN_PATH, env)
  const home = huggingFaceHome(env)
  return home && join(home, 'token')
}

function clean(text: string | undefined, from = '--token'): string {
  const value = (text ?? '').replace(/[\r\n]/g, '').trim()
  if (/^[\x21-\x7e]*$/.test(value)) return value
  throw new DfhfError('usage', `the token from ${from} holds characters that no token has`, {
    hint: 'copy it again from the settings page of the Hub',
  })
}
