import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { DfhfError, systemCode } from '../base/errors.ts'

interface BoundedBodyOptions {
  /** The content-encoding. */
  readonly encoding?: string | undefined
  /** The sender's name, for errors. */
  readonly from: string
}

/** Reads a whole body of at most `maxBytes`, before and after unpacking; throws `bad-response` when it is larger. */
export async function readBounded(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
  options: BoundedBodyOptions,
): Promise<Uint8Array> {
  return Buffer.concat(await Array.fromAsync(unpacked(body, maxBytes, options)))
}

/** A body unpacked as it comes; throws `bad-response` past `maxBytes`, before and after unpacking. */
export async function* unpacked(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
  { encoding = 'identity', from }: BoundedBodyOptions,
): AsyncGenerator<Uint8Array> {
  const name = encoding.trim().toLowerCase()
  const packed = bounded(body, maxBytes, from)
  if (name === 'identity' || name === '') yield* packed
  else if (name === 'gzip') yield* bounded(gunzipped(packed, from), maxBytes, from)
  else throw new DfhfError('bad-response', `${from} sent a body packed as ${encoding}`)
}

async function* bounded(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
  from: string,
): AsyncGenerator<Uint8Array> {
  let size = 0
  for await (const chunk of chunks) {
    size += chunk.length
    if (size > maxBytes)
      throw new DfhfError('bad-response', `the answer of ${from} is larger than ${maxBytes} bytes`)
    yield chunk
  }
}

async function* gunzipped(packed: AsyncIterable<Uint8Array>, from: string): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip()
  // The reader below hears of an error on either side.
  pipeline(Readable.from(packed), gunzip, () => {})
  try {
    for await (const chunk of gunzip) yield chunk
  } catch (cause) {
    if (!(systemCode(cause) ?? '').startsWith('Z_')) throw cause
    throw new DfhfError('bad-response', `${from} sent a damaged gzip body`, { retryable: true, cause })
  }
}
