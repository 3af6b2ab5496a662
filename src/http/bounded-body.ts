import { gunzipSync } from 'node:zlib'
import { DfhfError, systemCode } from '../base/errors.ts'

/** Reads a whole body of at most `maxBytes`, before and after unpacking; throws `bad-response` when it is larger. */
export async function readBounded(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
  options: { readonly encoding?: string | undefined; readonly from: string },
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > maxBytes) throw tooLarge(options.from, maxBytes)
    chunks.push(chunk)
  }
  const bytes = Buffer.concat(chunks, size)
  const encoding = options.encoding?.trim().toLowerCase() ?? 'identity'
  if (encoding === 'identity' || encoding === '') return bytes
  if (encoding !== 'gzip')
    throw new DfhfError('bad-response', `${options.from} sent a body packed as ${encoding}`)
  return unpack(bytes, maxBytes, options.from)
}

function unpack(bytes: Uint8Array, maxBytes: number, from: string): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: maxBytes })
  } catch (cause) {
    if (systemCode(cause) === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(from, maxBytes)
    throw new DfhfError('bad-response', `${from} sent a damaged gzip body`, { retryable: true, cause })
  }
}

function tooLarge(from: string, maxBytes: number): DfhfError {
  return new DfhfError('bad-response', `the answer of ${from} is larger than ${maxBytes} bytes`)
}
