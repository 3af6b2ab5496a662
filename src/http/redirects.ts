import { DfhfError } from '../base/errors.ts'
import type { HttpResponse } from './http-response.ts'
import { redactUrl } from './redact-url.ts'

/** How many redirects in a row are followed; then the server is taken to go in circles. */
const MAX_REDIRECTS = 20

const redirectStatuses = new Set([301, 302, 303, 307, 308])

/** One response on a walk along redirects. */
interface Hop {
  /** The address that gave it. */
  readonly url: URL
  readonly response: HttpResponse
  /** Where it leads on to; undefined for a response that is no redirect. */
  readonly target: URL | undefined
  /** How many redirects led to it. */
  readonly count: number
}

/** A redirect on a walk. */
type Redirect = Hop & { readonly target: URL }

/**
 * Walks to the first response that is no redirect, or to the redirect that `follows` refuses; its body is the caller's.
 * `send` decides for each address anew what goes along: no header is carried from hop to hop. Throws `bad-response`
 * for a redirect that leads off HTTP, and after more than `limit` of them.
 */
export async function walkRedirects(
  start: URL,
  send: (url: URL) => Promise<HttpResponse>,
  {
    follows = () => true,
    limit = MAX_REDIRECTS,
  }: { readonly follows?: (redirect: Redirect) => boolean; readonly limit?: number } = {},
): Promise<Hop> {
  let url = start
  for (let count = 0; count <= limit; count += 1) {
    const response = await send(url)
    try {
      const target = redirectTarget(response)
      if (!target || !follows({ url, response, target, count })) return { url, response, target, count }
      url = target
    } catch (error) {
      await response.discard()
      throw error
    }
    await response.discard()
  }
  throw new DfhfError('bad-response', `${redactUrl(start.href)} redirects more than ${limit} times`)
}

/** Where a response sends the client, as an absolute URL; undefined when it is no redirect. Throws on one that leads off HTTP. */
function redirectTarget(response: HttpResponse): URL | undefined {
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
