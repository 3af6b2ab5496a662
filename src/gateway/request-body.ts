import { DfhfError } from '../base/errors.ts'
import type { GatewayRequest } from './message.ts'

/** Bytes of request bodies that the process holds at once, all clients together: twelve of 60 MB took 800 MB before. */
const MOST_HELD = 96 * 2 ** 20
/** When a client that found no room may try again, in ms. */
const COME_BACK_MS = 2_000

let held = 0

/** A whole request body; it counts against what all may hold until it is disposed. */
export interface HeldBody extends Disposable {
  readonly bytes: Uint8Array
}

/**
 * A whole request body of at most `maxBytes`; throws `usage` when it is larger, and `rate-limited` when other bodies
 * leave no room for it. One that says its length is refused before its first byte is read.
 */
export async function readBody(
  { body, headers }: Pick<GatewayRequest, 'body' | 'headers'>,
  maxBytes: number,
): Promise<HeldBody> {
  const chunks: Uint8Array[] = []
  let size = 0
  let reserved = 0
  const release = () => {
    held -= reserved
    reserved = 0
  }
  const reserve = (total: number) => {
    if (total > maxBytes) throw new DfhfError('usage', `the request's body is larger than ${maxBytes} bytes`)
    if (total <= reserved) return
    if (held + total - reserved > MOST_HELD) {
      throw new DfhfError('rate-limited', 'too many large requests at once', {
        retryable: true,
        retryAfterMs: COME_BACK_MS,
      })
    }
    held += total - reserved
    reserved = total
  }
  try {
    reserve(Number(headers.get('content-length') ?? 0) || 0)
    for await (const chunk of body) {
      size += chunk.length
      reserve(size)
      chunks.push(chunk)
    }
    return { bytes: Buffer.concat(chunks, size), [Symbol.dispose]: release }
  } catch (error) {
    release()
    throw error
  }
}
