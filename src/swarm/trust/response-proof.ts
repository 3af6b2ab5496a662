import { createHmac } from 'node:crypto'
import { HttpHeaders } from '../../http/http-headers.ts'
import { HttpResponse } from '../../http/http-response.ts'
import { PEER_HEADER } from '../protocol/peer-info.ts'
import { REASON_HEADER } from '../protocol/peer-reply.ts'
import { LOAD_HEADER } from '../protocol/peer-wire.ts'
import { type ClusterKey, createNonce, isEqualDigest } from './cluster-key.ts'
import { openStream, sealStream } from './sealed-stream.ts'

/** The header by which a response proves that a holder of the cluster key gave it, to this very request. */
const PROOF_HEADER = 'x-dfhf-proof'

/** The headers of a response that the proof covers: those that peers read. */
const COVERED = [
  PEER_HEADER,
  LOAD_HEADER,
  REASON_HEADER,
  'content-type',
  'content-range',
  'etag',
  'retry-after',
]

/**
 * The response to the signed request with `nonce`, as only holders of the key can make and read it: the status and
 * the headers carry a proof, the body is sealed.
 */
export function proveResponse(key: ClusterKey, nonce: string, method: string, response: Response): Response {
  const context = `${nonce} ${createNonce()}`
  const headers = new Headers(response.headers)
  const hasBody = method !== 'HEAD'
  if (hasBody) headers.delete('content-length')
  const digest = digestOf(key, context, response.status, (name) => headers.get(name))
  headers.set(PROOF_HEADER, `v2 ${context.slice(nonce.length + 1)} ${digest}`)
  const body = hasBody ? sealStream(response.body, key.derive('answer body', context)) : null
  return new Response(body, { status: response.status, headers })
}

/** The response to the request with `nonce`, opened; undefined when it lacks the proof. */
export function openResponse(
  key: ClusterKey,
  nonce: string,
  response: HttpResponse,
  sender: string,
): HttpResponse | undefined {
  const [, own, digest] =
    /^v2 ([0-9a-f]{32}) ([0-9a-f]{64})$/.exec(response.headers.get(PROOF_HEADER) ?? '') ?? []
  if (own === undefined || digest === undefined) return undefined
  const context = `${nonce} ${own}`
  if (
    !isEqualDigest(
      digest,
      digestOf(key, context, response.status, (name) => response.headers.get(name)),
    )
  )
    return undefined
  const covered = COVERED.map((name): [string, string | undefined] => [name, response.headers.get(name)])
  return new HttpResponse({
    status: response.status,
    headers: new HttpHeaders(Object.fromEntries(covered)),
    url: response.url,
    raw: {
      chunks: () => openStream(response.body, key.derive('answer body', context), sender),
      dump: () => response.discard(),
    },
    toError: (error) => error,
  })
}

function digestOf(
  key: ClusterKey,
  context: string,
  status: number,
  get: (name: string) => string | null | undefined,
): string {
  const text = JSON.stringify([status, ...COVERED.map((name) => get(name) ?? '')])
  return createHmac('sha256', key.derive('answer proof', context)).update(text).digest('hex')
}
