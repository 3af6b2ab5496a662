import { DfhfError } from '../base/errors.ts'
import { createOidHasher } from '../blob/digest.ts'
import type { Oid } from '../blob/oid.ts'

/** Passes a whole blob on in order; its last chunk only when all of it hashes to its oid, else this throws. */
export async function* checkedStream(
  chunks: AsyncIterable<Uint8Array>,
  oid: Oid,
  size: number,
): AsyncGenerator<Uint8Array> {
  const hasher = createOidHasher(oid, size)
  let held: Uint8Array | undefined
  for await (const chunk of chunks) {
    hasher.update(chunk)
    if (held) yield held
    held = chunk
  }
  if (hasher.digest() !== oid) {
    throw new DfhfError('verification-failed', `the Hub's bytes of blob ${oid} do not hash to it`)
  }
  if (held) yield held
}

/**
 * A stream whose first chunk is here: a failure before it can still become an error reply. Ends the source however the
 * stream ends.
 */
export async function primeStream(source: AsyncGenerator<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  let first: IteratorResult<Uint8Array> | undefined = await source.next()
  const iterator: AsyncIterator<Uint8Array> = {
    async next() {
      if (!first) return source.next()
      const result = first
      first = undefined
      return result
    },
    return: () => source.return(undefined),
  }
  return { [Symbol.asyncIterator]: () => iterator }
}
