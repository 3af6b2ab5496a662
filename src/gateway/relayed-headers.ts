import { errorTable } from '../base/error-table.ts'
import type { HttpHeaders } from '../http/http-headers.ts'
import { isOfficialHost } from '../hub/hub-hosts.ts'
import type { HeaderLine } from './message.ts'

/** Meant for one connection (RFC 9110, 7.6.1), not for what lies behind it. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
])

/** Headers that the gateway makes anew for its own request, and those that no client of the Hub's API needs. */
const ownRequestHeaders = new Set([
  'host',
  'content-length',
  'expect',
  'accept-encoding',
  'cookie',
  'origin',
  'referer',
])
const ownResponseHeaders = new Set(['set-cookie', 'alt-svc', 'strict-transport-security', 'date', 'server'])

/** The client's headers that go on to the Hub. */
export function requestHeaders(headers: Headers): Record<string, string> {
  const named = connectionNames(headers.get('connection'))
  const kept: Record<string, string> = {}
  for (const [name, value] of headers) {
    if (hopByHop.has(name) || named.has(name) || name.startsWith('proxy-') || ownRequestHeaders.has(name))
      continue
    if (name.startsWith('x-dfhf-') || name === 'x-dragonfly-registry') continue
    kept[name] = value
  }
  return kept
}

/** Where the client sees the Hub, and where the Hub is. */
export interface Rebase {
  /** The origin under which this client reaches the gateway: `http://127.0.0.1:65001`. */
  readonly base: string
  readonly endpoint: URL
}

/** The Hub's headers that go back to the client: addresses lead to the gateway, and nothing speaks of Xet. */
export function responseHeaders(headers: HttpHeaders, rebase: Rebase): HeaderLine[] {
  const named = connectionNames(headers.get('connection'))
  const lines: HeaderLine[] = []
  for (const name of headers.names()) {
    if (hopByHop.has(name) || named.has(name) || name.startsWith('proxy-') || ownResponseHeaders.has(name))
      continue
    // The Hub and its CDN do not decide which web pages may read from the gateway.
    if (name.startsWith('x-xet-') || name.startsWith('access-control-')) continue
    for (const value of headers.getAll(name)) {
      const rewritten = rewrite(name, value, rebase)
      if (rewritten !== undefined) lines.push([name, rewritten])
    }
  }
  return lines
}

function rewrite(name: string, value: string, rebase: Rebase): string | undefined {
  if (name === 'location') return rebaseUrl(value, rebase)
  return name === 'link' ? rewriteLink(value, rebase) : value
}

/** Drops what leads to Xet, and lets the rest lead to the gateway; undefined when nothing is left. */
function rewriteLink(value: string, rebase: Rebase): string | undefined {
  const entries = [...value.matchAll(/<([^>]*)>((?:\s*;\s*[\w*-]+\s*=\s*(?:"[^"]*"|[^\s",;]+))*)/g)]
  const kept = entries
    .filter(([, , parameters = '']) => !/;\s*rel\s*=\s*"?[^";]*\bxet-/i.test(parameters))
    .map(([, target = '', parameters = '']) => `<${rebaseUrl(target, rebase)}>${parameters}`)
  return kept.length > 0 ? kept.join(', ') : undefined
}

/** An absolute address on the Hub's host becomes one on the gateway; others stay. */
export function rebaseUrl(text: string, { base, endpoint }: Rebase): string {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return text
  const url = new URL(text)
  // A mirror behind a TLS proxy may write its own address with another scheme and port.
  if (url.hostname !== endpoint.hostname && !isOfficialHost(url.host)) return text
  const prefix = endpoint.pathname.replace(/\/+$/, '')
  const path =
    prefix !== '' && url.pathname.startsWith(`${prefix}/`) ? url.pathname.slice(prefix.length) : url.pathname
  return base + path + url.search + url.hash
}

/** The first value of a header in lines. */
export function lineOf(lines: readonly HeaderLine[], name: string): string | undefined {
  return lines.find(([each]) => each.toLowerCase() === name)?.[1]
}

/**
 * Adds the code by which a client knows that a repo does not exist or is closed to it: over plain http it does not
 * conclude this from a bare 401.
 */
export function withErrorCode(status: number, lines: readonly HeaderLine[]): readonly HeaderLine[] {
  if (status !== 401 || lineOf(lines, 'x-error-code') !== undefined) return lines
  if (lineOf(lines, 'x-error-message') === 'Invalid credentials in Authorization header') return lines
  return [...lines, ['X-Error-Code', errorTable['repo-not-found'].hubCode]]
}

function connectionNames(header: string | null | undefined): ReadonlySet<string> {
  return new Set(
    (header ?? '')
      .toLowerCase()
      .split(',')
      .map((name) => name.trim()),
  )
}
