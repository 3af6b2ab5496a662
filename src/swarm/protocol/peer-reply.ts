/** Says in a word or two why a request was refused. */
export const REASON_HEADER = 'x-dfhf-reason'

/** The reason of a 503 for pieces that are still on their way; any other 503 means that the peer is busy. */
export const NOT_HERE_YET = 'not here yet'

/** The reason of a 503 for a peer that may not hear the news of a blob which this process fetches from the Hub. */
export const CROWDED = 'too many watchers of what is fetched here'

/** The same bytes, with `release` called once they are sent or given up. */
export function releaseAtEnd(
  body: ReadableStream<Uint8Array>,
  release: () => void,
): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read()
        if (!done) return controller.enqueue(value)
        release()
        controller.close()
      } catch (error) {
        release()
        controller.error(error)
      }
    },
    async cancel(reason) {
      release()
      await reader.cancel(reason)
    },
  })
}

export function json(value: unknown): Response {
  return new Response(`${JSON.stringify(value)}\n`, { headers: { 'content-type': 'application/json' } })
}

/** 503: ask again in a moment. */
export function busy(reason: string, waitMs = 1_000): Response {
  return refuse(503, reason, { retryAfter: Math.max(1, Math.ceil(waitMs / 1_000)) })
}

/** An error reply; `retryAfter` in seconds. */
export function refuse(
  status: number,
  reason: string,
  options: { readonly retryAfter?: number; readonly contentRange?: string } = {},
): Response {
  const headers = new Headers({ 'content-type': 'application/json', [REASON_HEADER]: reason })
  if (options.retryAfter !== undefined) headers.set('retry-after', String(options.retryAfter))
  if (options.contentRange !== undefined) headers.set('content-range', options.contentRange)
  return new Response(`${JSON.stringify({ error: reason })}\n`, { status, headers })
}
