import { createProxyResolver } from '../http/connect/proxy.ts'
import { readAuthorities, trustOptionsOf } from '../http/connect/trust.ts'
import { createHttpClient, type HttpClient, type HttpClientOptions } from '../http/http-client.ts'
import { withOriginProxy } from '../http/origin-proxy.ts'
import { RateGate } from '../http/rate-gate.ts'
import { parseEndpoint } from '../hub/endpoint.ts'
import { HubClient } from '../hub/hub-client.ts'
import type { HubOptions as SessionOptions } from '../hub/hub-session.ts'
import { decideToken, findToken, type Token, tokenPath, tokenRuleOf, trustHint } from '../hub/tokens.ts'
import { userAgent } from '../hub/user-agent.ts'
import { HubLimits } from '../peer/hub-limits.ts'
import type { Origin } from '../repo/origin.ts'
import { readPlainTextSync } from '../storage/files/plain-file.ts'
import type { CommandContext } from './commands.ts'
import type { HubOptions } from './settings/options.ts'
import { ratePatienceOf } from './settings/rate-patience.ts'

/** Connections to one host; the engine's own limit is lower, and this one only bounds the damage of a bug. */
const MAX_CONNECTIONS = 128

const MAX_TOKEN_FILE_SIZE = 2 ** 16

/** The HTTP client that goes out as the environment says: proxies, authorities, timeouts. */
export function openHttp(
  options: HubOptions,
  { env, log }: CommandContext,
  onAnswer?: HttpClientOptions['onAnswer'],
): HttpClient {
  const http = createHttpClient({
    ...(onAnswer && { onAnswer }),
    connections: MAX_CONNECTIONS,
    bodyTimeoutMs: options.downloadTimeoutMs,
    headersTimeoutMs: options.downloadTimeoutMs,
    rateGate: new RateGate({ patienceMs: ratePatienceOf(env) }),
    proxyFor: createProxyResolver(env),
    authorities: () => readAuthorities(trustOptionsOf(env)),
  })
  return options.originProxy ? withOriginProxy(http, { url: options.originProxy, log }) : http
}

/** The token that the user has, from the flag, the environment or a file. */
export function findUsersToken(
  { token }: Pick<HubOptions, 'token'>,
  { env }: CommandContext,
): Token | undefined {
  return findToken({ explicit: token, env, readFile: readToken })
}

/** The Hub, with the token that the user has and that may go there; `usersToken` gives the one of the moment. */
export function connectHub(
  options: HubOptions,
  http: HttpClient,
  context: CommandContext,
  usersToken?: () => Token | undefined,
): Origin {
  const { env, events } = context
  const found = usersToken ? usersToken() : findUsersToken(options, context)
  const tokenRule = tokenRuleOf(env, options)
  const { token, withheld } = decideToken(found, options.endpoint, tokenRule)
  if (withheld !== undefined) events({ type: 'notice', text: `${withheld}; ${trustHint}` })
  return new HubClient({
    ...anonymous(options, http, context),
    token: usersToken
      ? () => decideToken(usersToken(), options.endpoint, tokenRule).token?.value
      : token?.value,
    tokenRule,
    tokenFrom: token?.from ?? (usersToken && tokenPath(env)),
    withheld,
  })
}

/** The Hub as a client without a token sees it. */
export function connectAnonymously(options: HubOptions, http: HttpClient, context: CommandContext): Origin {
  return new HubClient(anonymous(options, http, context))
}

/** The Hub's host, with its port where it has one. */
export function hubHostOf({ endpoint }: HubOptions): string {
  return parseEndpoint(endpoint).host
}

/** What peers tell each other of the limits of this Hub. */
export function hubLimitsOf(options: HubOptions, { rateGate }: HttpClient): HubLimits {
  return new HubLimits(rateGate, hubHostOf(options))
}

function anonymous(
  options: HubOptions,
  http: HttpClient,
  { env, events, version }: CommandContext,
): SessionOptions {
  return {
    endpoint: options.endpoint,
    http,
    userAgent: userAgent(version, env),
    metadataTimeoutMs: options.etagTimeoutMs,
    onWarning: (_topic, text) => events({ type: 'notice', text: `the Hub says: ${text}` }),
    retry: { onRetry: ({ error }) => events({ type: 'notice', text: `${error.message}; trying again` }) },
  }
}

function readToken(path: string): string | undefined {
  return readPlainTextSync(path, MAX_TOKEN_FILE_SIZE)
}
