import { SocksClientError } from 'socks'
import { DfhfError, systemCode } from '../base/errors.ts'

interface Exchange {
  readonly url: URL
  /** The proxy's host and port, when there is one. */
  readonly proxy: string | undefined
  /** Whether the proxy was sent a user or a password. */
  readonly hasProxyLogin?: boolean
  readonly headersTimeoutMs: number
  readonly bodyTimeoutMs: number
}

const untrusted = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_UNTRUSTED',
])

/** Puts what the HTTP client threw into words; `retryable` where the same request may succeed later. */
export function toNetworkError(error: unknown, exchange: Exchange): DfhfError {
  if (error instanceof DfhfError) return error
  const cause = error instanceof AggregateError ? (error.errors[0] ?? error) : error
  const host = exchange.url.host
  const peer = exchange.proxy === undefined ? host : `the proxy ${exchange.proxy}`
  const code = systemCode(cause) ?? ''
  const message = cause instanceof Error ? cause.message : String(cause)

  const network = (text: string, hint?: string) =>
    new DfhfError('network', text, { retryable: true, cause, ...(hint === undefined ? {} : { hint }) })
  const permanent = (text: string, hint: string) => new DfhfError('network', text, { hint, cause })
  const timeout = (text: string) => new DfhfError('timeout', text, { retryable: true, cause })

  if (untrusted.has(code)) {
    return permanent(
      `cannot trust ${host}: no known authority signed its TLS certificate`,
      "give the authority's certificate in NODE_EXTRA_CA_CERTS or SSL_CERT_FILE",
    )
  }
  switch (code) {
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'ETIMEDOUT':
      return timeout(`cannot connect to ${peer}: no answer in time`)
    case 'UND_ERR_HEADERS_TIMEOUT':
      return timeout(`${host} did not answer within ${seconds(exchange.headersTimeoutMs)}`)
    case 'UND_ERR_BODY_TIMEOUT':
      return timeout(`${host} sent nothing for ${seconds(exchange.bodyTimeoutMs)}`)
    case 'ECONNREFUSED':
      return network(`cannot connect to ${peer}: connection refused`)
    case 'ENOTFOUND':
    case 'ENODATA':
      return network(`cannot find ${hostOf(peer)}: no host of that name`, 'check the name and the network')
    case 'EAI_AGAIN':
      return network(`cannot find ${hostOf(peer)}: name lookup failed`, 'check the network')
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ENETDOWN':
      return network(`cannot connect to ${peer}: no route to it`, 'check the network')
    case 'ECONNRESET':
    case 'EPIPE':
    case 'UND_ERR_SOCKET':
      return network(`${host} closed the connection`)
    case 'CERT_HAS_EXPIRED':
      return permanent(
        `cannot trust ${host}: its TLS certificate has expired`,
        'check the clock, or renew it',
      )
    case 'CERT_NOT_YET_VALID':
      return permanent(`cannot trust ${host}: its TLS certificate is not valid yet`, 'check the clock')
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return permanent(`cannot trust ${host}: its TLS certificate is for another name`, 'check the address')
    case 'UND_ERR_PRX_TLS':
      return permanent(`cannot trust ${peer}: its TLS certificate is for another name`, 'check the address')
  }
  const refusal = /^Proxy response \((\d+)\)/.exec(message)?.[1]
  const proxy = exchange.proxy ?? 'proxy'
  const hasLogin = exchange.hasProxyLogin === true
  if (refusal !== undefined) return proxyRefusal(Number(refusal), { host, proxy, hasLogin, cause })
  if (cause instanceof SocksClientError) return socksRefusal(cause, { host, proxy, hasLogin })
  if (cause instanceof Error && cause.name === 'HTTPParserError') {
    const who = exchange.proxy === undefined ? host : `${host} or ${peer}`
    return permanent(`${who} does not speak HTTP`, 'check the address and the port')
  }
  return network(`request to ${host} failed: ${message}`)
}

/** What a proxy was asked for. */
interface ProxyQuestion {
  readonly host: string
  /** Its host and port. */
  readonly proxy: string
  /** Whether it was sent a user or a password. */
  readonly hasLogin: boolean
  readonly cause?: unknown
}

/** The error for a proxy that answered `status` in place of passing a request to `host` on. */
export function proxyRefusal(status: number, { host, proxy, hasLogin, cause }: ProxyQuestion): DfhfError {
  if (status === 407) {
    const what = hasLogin ? 'does not accept the user or the password' : 'asks for a user and a password'
    return new DfhfError('network', `the proxy ${proxy} ${what}`, {
      hint: `${hasLogin ? 'correct' : 'write'} USER:PASSWORD@ before the host in the proxy variable`,
      cause,
    })
  }
  return new DfhfError('network', `the proxy ${proxy} refused to connect to ${host} (${status})`, {
    hint: 'check the proxy, or name the host in NO_PROXY',
    retryable: status >= 500,
    cause,
  })
}

/** The same for a SOCKS proxy, whose library tells by its texts alone what went wrong. */
function socksRefusal(cause: SocksClientError, question: ProxyQuestion): DfhfError {
  const { message } = cause
  const { host, proxy } = question
  if (/Authentication failed|no accepted authentication type/.test(message))
    return proxyRefusal(407, { ...question, cause })
  if (message.includes('timed out')) {
    const text = `cannot connect to ${host}: the proxy ${proxy} did not answer in time`
    return new DfhfError('timeout', text, { retryable: true, cause })
  }
  if (message.includes('Received invalid')) {
    return new DfhfError('network', `the proxy ${proxy} does not speak SOCKS 5`, {
      hint: 'check the scheme, the host and the port in the proxy variable',
      cause,
    })
  }
  const answer = /rejected connection - (\w+)$/.exec(message)?.[1]
  const [reason, isLasting] = socksAnswers.get(answer ?? '') ?? ['it gave no reason that is known', false]
  const what = answer === undefined ? 'it closed the connection' : reason
  return new DfhfError('network', `the proxy ${proxy} did not connect to ${host}: ${what}`, {
    hint: 'check the proxy, or name the host in NO_PROXY',
    retryable: !isLasting,
    cause,
  })
}

/** The replies of RFC 1928 in words, by the library's names, and whether the same request would get the same again. */
const socksAnswers: ReadonlyMap<string, readonly [string, boolean]> = new Map([
  ['Failure', ['it failed', false]],
  ['NotAllowed', ['not allowed by its rules', true]],
  ['NetworkUnreachable', ['no route to its network', false]],
  ['HostUnreachable', ['no route to it, or no host of that name', false]],
  ['ConnectionRefused', ['connection refused', false]],
  ['TTLExpired', ['no answer in time', false]],
  ['CommandNotSupported', ['it opens no connections', true]],
  ['AddressNotSupported', ['it takes no address of that kind', true]],
])

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`
}

function hostOf(peer: string): string {
  return peer.replace(/:\d+$/, '')
}
