import { createHash } from 'node:crypto'
import { isObject } from '../../base/json-object.ts'
import type { Repo } from '../../repo/repo.ts'
import type { Credentials } from '../access/credentials.ts'
import type { HeaderLine } from '../message.ts'
import { lineOf, responseHeaders } from '../relayed-headers.ts'
import { SingleFlightCache } from '../single-flight-cache.ts'
import type { HubUpstream } from './hub-upstream.ts'
import type { HubWord, Recall } from './recall.ts'
import { withoutXet } from './without-xet.ts'

const MAX_JSON_SIZE = 64 * 2 ** 20
const PATIENCE_MS = 60_000

/** What a client asks about a repo. */
export interface ApiQuestion {
  readonly method: 'GET' | 'HEAD' | 'POST'
  readonly repo: Repo
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | undefined
  readonly credentials: Credentials
}

/** The Hub's response without Xet; addresses in it lead to the Hub itself. */
export interface ApiResponse {
  readonly status: number
  readonly headers: readonly HeaderLine[]
  readonly body: string
  /** True for an earlier response, told because the Hub could not be asked. */
  readonly isStale: boolean
}

/** Where responses come from. */
export interface HubApiParts {
  readonly hub: HubUpstream
  readonly recall: Recall
}

/** Asks the Hub about repos in its clients' names. Clients that ask the same at once share one question. */
export class HubApi {
  readonly #parts: HubApiParts
  readonly #memory = new SingleFlightCache<ApiResponse>({ size: 1_000 })

  constructor(parts: HubApiParts) {
    this.#parts = parts
  }

  ask(question: ApiQuestion): Promise<ApiResponse> {
    const { headers, credentials } = question
    const form = bodyHash(question.body, headers['content-type'])
    const about = `${question.method} ${question.target} ${headers.accept ?? ''} ${form}`
    const key = [credentials.key, about, headers['if-none-match'], headers.range].join(' ')
    return this.#memory.get(
      key,
      () => this.#ask(question, about),
      () => 0,
    )
  }

  async #ask(question: ApiQuestion, about: string): Promise<ApiResponse> {
    const { repo, credentials } = question
    const { response, isStale } = await this.#parts.recall.ask<ApiResponse>({
      about,
      repo,
      credentials,
      patienceMs: PATIENCE_MS,
      send: async (signal) => wordOf(await this.#send(question, signal)),
      parse: parseKept,
    })
    return { ...response, isStale }
  }

  async #send(question: ApiQuestion, signal: AbortSignal): Promise<ApiResponse> {
    const { hub } = this.#parts
    const { method, target, body } = question
    const headers = { ...question.headers, 'accept-encoding': 'gzip' }
    const response = await hub.send({ method, target, headers, body, signal, headersTimeoutMs: PATIENCE_MS })
    const lines = responseHeaders(response.headers, {
      base: hub.endpoint.origin,
      endpoint: hub.endpoint,
    }).filter(([name]) => name !== 'content-encoding' && (name !== 'content-length' || method === 'HEAD'))
    const text = method === 'HEAD' ? '' : await response.text(MAX_JSON_SIZE)
    if (method === 'HEAD') await response.discard()
    const isJson = /\bjson\b/.test(lineOf(lines, 'content-type') ?? '')
    return { status: response.status, headers: lines, body: isJson ? withoutXet(text) : text, isStale: false }
  }
}

function wordOf(response: ApiResponse): HubWord<ApiResponse> {
  const { status, headers, body } = response
  if (status !== 200) return { response, status, headers }
  const lasting = headers.filter(([name]) => /^(?:content-type|etag|link|x-repo-commit)$/.test(name))
  return { response, status, headers, lasting: { headers: lasting, body } }
}

function bodyHash(body: Uint8Array | undefined, type = ''): string {
  return body === undefined ? '' : createHash('sha256').update(`${type}\n`).update(body).digest('hex')
}

function parseKept(value: unknown): ApiResponse | undefined {
  if (!isObject(value) || typeof value.body !== 'string' || !Array.isArray(value.headers)) return undefined
  const headers = value.headers.flatMap((line: unknown): HeaderLine[] =>
    Array.isArray(line) && typeof line[0] === 'string' && typeof line[1] === 'string'
      ? [[line[0], line[1]]]
      : [],
  )
  return { status: 200, headers, body: value.body, isStale: true }
}
