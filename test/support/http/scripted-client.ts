import type { HttpClient, HttpRequest } from '../../../src/http/http-client.ts'
import { HttpHeaders } from '../../../src/http/http-headers.ts'
import { HttpResponse } from '../../../src/http/http-response.ts'
import { RateGate } from '../../../src/http/rate-gate.ts'

/** A response without a network. */
interface ScriptedAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** A request that was made, its headers by lower-case name. */
export interface SeenRequest {
  readonly url: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
}

/** A client for hosts that no test can be, on any port and over https; it tells what it was asked. */
export function scriptedClient(
  answer: (request: SeenRequest) => ScriptedAnswer,
): HttpClient & { readonly seen: readonly SeenRequest[] } {
  const seen: SeenRequest[] = []
  return {
    seen,
    rateGate: new RateGate(),
    renewTrust() {},
    async request({ method = 'GET', url, headers = {} }: HttpRequest) {
      const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])
      const request = { url: new URL(url).href, method, headers: Object.fromEntries(lower) }
      seen.push(request)
      const given = answer(request)
      return new HttpResponse({
        status: given.status,
        headers: new HttpHeaders(given.headers),
        url: request.url,
        raw: { chunks: () => chunksOf(given.body ?? ''), dump: async () => {} },
        toError: (error) => error,
      })
    },
    async close() {},
    async [Symbol.asyncDispose]() {},
  }
}

/** A client that redirects each of `urls` to the next one, and answers the last by `end`. */
export function redirectingClient(urls: readonly string[], end: ScriptedAnswer) {
  return scriptedClient(({ url }) => {
    const at = urls.indexOf(url)
    const location = at < 0 ? undefined : urls[at + 1]
    return location === undefined ? end : { status: 307, headers: { location } }
  })
}

async function* chunksOf(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text)
}
