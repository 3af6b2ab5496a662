import { DfhfError, isOfClass } from '../base/errors.ts'
import type { BlobSource } from '../blob/blob-source.ts'
import { isSha256 } from '../blob/oid.ts'
import { RangeIgnoredError } from '../http/ranges/range-request.ts'
import { withRetry } from '../http/with-retry.ts'
import type { FileRef } from '../repo/file-ref.ts'

/**
 * Has the Hub give a byte of a blob that came from keyed peers alone. A repo's author may write the oid of another
 * author's private blob into a pointer; published as that repo's, it would go on to peers without the key.
 */
export async function proveGiven(source: BlobSource, file: FileRef, signal: AbortSignal): Promise<void> {
  if (!needsProof(file)) return
  const ask = async () => {
    try {
      for await (const _ of await source.open({ start: 0, end: 1 }, { signal })) break
    } catch (cause) {
      // A server that ignores ranges and sends the whole file gives the blob, too.
      if (!(cause instanceof RangeIgnoredError)) throw cause
    }
  }
  try {
    await withRetry(ask, { signal })
  } catch (cause) {
    // Only a refusal of the Hub counts against the blob; other errors may be passing trouble.
    if (!isOfClass(cause, 'denied', 'missing')) throw cause
    throw new DfhfError('forbidden', `the Hub names blob ${file.oid.slice(0, 12)} and does not give it`, {
      cause,
    })
  }
}

/** True for a blob that its oid's place in a listing does not prove to be the repo's: git itself gives the ids of plain files. */
export function needsProof({ oid, size }: Pick<FileRef, 'oid' | 'size'>): boolean {
  return isSha256(oid) && size > 0
}
