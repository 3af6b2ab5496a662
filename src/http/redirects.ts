import { DfhfError } from '../base/errors.ts'
import type { HttpClient, HttpRequest } from './http-client.ts'
import type { HttpResponse } from './http-response.ts'
import { redactUrl } from './redact-url.ts'

/** How many redirects in a row are followed; then the server is taken to go in circles. */
export const MAX_REDIRECTS = 20

const redirectStatuses = new Set([301, 302, 303, 307, 308])

/** Where an answer sends the client, as an absolute URL; undefined when it is no redirect. Throws on one that leads off HTTP. */
export function redirectTarget(response: HttpResponse): URL | undefined {
  const written = response.headers.get('location')
  if (!redirectStatuses.has(response.status) || written === undefined) return undefined
  const location = asUtf8(written)
  const target = URL.canParse(location, response.url) ? new URL(location, response.url) : undefined
  if (target?.protocol !== 'http:' && target?.protocol !== 'https:') {
    throw new DfhfError('bad-response', `${redactUrl(response.url)} redirects to no HTTP address`)
  }
  return target
}

/** Some servers write the bytes of UTF-8 into a header as they are; each is read as one character (RFC 9110, 5.5). */
function asUtf8(text: string): string {
  if (!/[\u0080-\u00ff]/.test(text) || /[\u0100-\uffff]/.test(text)) return text
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(text, 'latin1'))
  } catch {
    return text
  }
}

/** True when `authorization` for `from` may go to `to` too: the same origin, or its step from plain http to https. */
export function keepsAuthorization(from: URL, to: URL): boolean {
  if (from.origin === to.origin) return true
  const isUpgrade =
    from.protocol === 'http:' && to.protocol === 'https:' && from.port === '' && to.port === ''
  return isUpgrade && from.hostname === to.hostname
}

/** The headers for the next hop: without `authorization` and cookies once the origin changes. */
export function headersForHop(
  headers: Readonly<Record<string, string>>,
  from: URL,
  to: URL,
): Record<string, string> {
  const secrets = ['authorization', 'cookie']
  const isKept = keepsAuthorization(from, to)
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => isKept || !secrets.includes(name.toLowerCase())),
  )
}

/** Sends a GET or HEAD and follows redirects; the answer's `url` is the last one. Throws `bad-response` after 20. */
export async function requestFollowing(client: HttpClient, request: HttpRequest): Promise<HttpResponse> {
  let url = new URL(request.url)
  let headers: Readonly<Record<string, string>> = request.headers ?? {}
  for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
    const response = await client.request({ ...request, url, headers })
    const target = redirectTarget(response)
    if (!target) return response
    await response.discard()
    headers = headersForHop(headers, url, target)
    url = target
  }
  throw new DfhfError('bad-response', `${redactUrl(request.url)} redirects more than ${MAX_REDIRECTS} times`)
}
