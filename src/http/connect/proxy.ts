import { DfhfError } from '../../base/errors.ts'
import { bareHost } from '../../base/url-host.ts'
import { redactUrl } from '../redact-url.ts'

/** A proxy to send requests through. */
export interface HttpProxy {
  /** Its address, without user and password. */
  readonly url: URL
  readonly user: string
  readonly password: string
}

/** The Proxy-Authorization header for an HTTP proxy; undefined where the environment names no user. */
export function proxyAuthorization(proxy: HttpProxy): string | undefined {
  if (!hasLogin(proxy)) return undefined
  const { user, password } = proxy
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

/** True where the environment names a user or a password for it. */
export function hasLogin({ user, password }: HttpProxy): boolean {
  return user !== '' || password !== ''
}

/** True for a SOCKS proxy. */
export function isSocks({ url }: HttpProxy): boolean {
  return url.protocol === 'socks5:'
}

/**
 * Which proxy the environment names for a URL, by the rules of Python's httpx: `http_proxy`, `https_proxy` and
 * `all_proxy` in either case, lower case first; a value without scheme is http; `no_proxy` takes `*`, host names
 * with their subdomains, `.suffix` for subdomains alone, and literal addresses, each with an optional port.
 * Loopback is not exempt by itself. The resolver throws `usage` once it needs a value that is no proxy.
 */
export function createProxyResolver(
  env: Readonly<Record<string, string | undefined>>,
): (url: URL) => HttpProxy | undefined {
  const read = (name: string) => {
    const upper = name.toUpperCase()
    // In a CGI program HTTP_PROXY is the client's `Proxy:` header, not the administrator's wish.
    const isForged = upper === 'HTTP_PROXY' && env.REQUEST_METHOD !== undefined
    return env[name] ?? (isForged ? undefined : env[upper])
  }
  const proxies = new Map<string, HttpProxy | undefined>()
  const isExempt = parseNoProxy(read('no_proxy') ?? '')
  return (url) => {
    if (isExempt(url)) return undefined
    const scheme = url.protocol.slice(0, -1)
    if (!proxies.has(scheme)) {
      const value = read(`${scheme}_proxy`) || read('all_proxy')
      proxies.set(scheme, value ? parseProxy(value) : undefined)
    }
    return proxies.get(scheme)
  }
}

function parseProxy(value: string): HttpProxy {
  const trimmed = value.trim()
  const text = trimmed.includes('://') ? trimmed : `http://${trimmed}`
  if (!URL.canParse(text)) throw new DfhfError('usage', 'a proxy variable holds no address', { hint })
  const url = new URL(text)
  const scheme = schemes.get(url.protocol)
  if (scheme === undefined || url.host === '') {
    const what = 'only http, https, socks5 and socks5h proxies work'
    throw new DfhfError('usage', `cannot use the proxy ${redactUrl(url)}: ${what}`, { hint })
  }
  return {
    url: new URL(`${scheme}//${url.host}`),
    user: decode(url.username),
    password: decode(url.password),
  }
}

/** With either SOCKS scheme the proxy looks names up, as with httpx: curl does so for socks5h alone. */
const schemes: ReadonlyMap<string, string> = new Map([
  ['http:', 'http:'],
  ['https:', 'https:'],
  ['socks5:', 'socks5:'],
  ['socks5h:', 'socks5:'],
])

const hint = 'write HTTPS_PROXY=http://host:port, or unset it'

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function parseNoProxy(value: string): (url: URL) => boolean {
  const entries = value
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .map((entry) => entry.toLowerCase())
  if (entries.includes('*')) return () => true
  const rules = entries.map(parseEntry)
  return (url) => {
    const host = bareHost(url.hostname).toLowerCase()
    const port = url.port || (url.protocol === 'https:' ? '443' : '80')
    return rules.some((rule) => (rule.port === undefined || rule.port === port) && rule.matches(host))
  }
}

function parseEntry(entry: string): { port: string | undefined; matches: (host: string) => boolean } {
  const bare = entry.replace(/^[a-z]+:\/\//, '')
  const isAddress = /^\[?[0-9a-f:]*:[0-9a-f:]*:[0-9a-f:.]*\]?$/.test(bare)
  const split = isAddress ? null : /^(.*?):(\d+)$/.exec(bare)
  const name = bareHost(split?.[1] ?? bare)
  const port = split?.[2]
  if (name.startsWith('.') || name.startsWith('*.')) {
    const suffix = name.replace(/^\*/, '')
    return { port, matches: (host) => host.endsWith(suffix) }
  }
  const isLiteral = isAddress || /^[\d.]+$/.test(name) || name === 'localhost'
  return { port, matches: (host) => host === name || (!isLiteral && host.endsWith(`.${name}`)) }
}
