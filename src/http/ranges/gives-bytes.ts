import type { HttpResponse } from '../http-response.ts'
import { parseContentRange } from './content-range.ts'

/** Sends one request to where a blob's bytes are said to be, redirects followed. */
export type SendToBytes = (request: {
  readonly method: 'HEAD' | 'GET'
  readonly headers: Readonly<Record<string, string>>
}) => Promise<HttpResponse>

/** Whether a server gives a blob of that size: asked by HEAD, or for one byte where a signature is good for a GET alone. */
export async function givesBytes(send: SendToBytes, size: number): Promise<boolean> {
  const identity = { 'accept-encoding': 'identity' }
  const head = await send({ method: 'HEAD', headers: identity })
  await head.discard()
  // Some proxies answer every HEAD with a content-length of 0; then the bytes themselves are asked for.
  if (head.status === 200 && Number(head.headers.get('content-length') ?? size) === size) return true
  const first = await send({ method: 'GET', headers: { ...identity, range: 'bytes=0-0' } })
  await first.discard()
  const range = parseContentRange(first.headers.get('content-range'))
  if (first.status === 206) return (range?.size ?? size) === size
  return first.status === 200 && Number(first.headers.get('content-length') ?? size) === size
}
