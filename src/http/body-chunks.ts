/** What is needed of the stream that undici makes of a body. */
interface BodyStream {
  on(event: 'data', listener: (chunk: Uint8Array) => void): unknown
  on(event: 'error', listener: (error: unknown) => void): unknown
  on(event: 'end' | 'close', listener: () => void): unknown
  pause(): unknown
  resume(): unknown
  isPaused(): boolean
  destroy(): unknown
}

/** Bytes that wait here for their reader, at which the sender is held back. */
const MOST_WAITING = 2 ** 19

/**
 * The parts of a body as they come from the socket; leaving the loop early closes the connection. Unlike the stream's
 * own iterator it gives every byte that arrived before the connection broke, and only then the error.
 */
export async function* bodyChunks(raw: BodyStream): AsyncGenerator<Uint8Array> {
  const waiting: Uint8Array[] = []
  let size = 0
  let end: { readonly error?: unknown } | undefined
  let wake = () => {}
  const finish = (how: { readonly error?: unknown }) => {
    end ??= how
    wake()
  }
  raw.on('error', (error) => finish({ error }))
  raw.on('end', () => finish({}))
  raw.on('close', () => finish({ error: new Error('the body ended too early') }))
  raw.on('data', (chunk) => {
    waiting.push(chunk)
    size += chunk.length
    if (size >= MOST_WAITING) raw.pause()
    wake()
  })
  try {
    for (;;) {
      const chunk = waiting.shift()
      if (chunk) {
        size -= chunk.length
        if (size < MOST_WAITING && raw.isPaused()) raw.resume()
        yield chunk
      } else if (end) {
        if ('error' in end) throw end.error
        return
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
  } finally {
    if (!end) raw.destroy()
  }
}
