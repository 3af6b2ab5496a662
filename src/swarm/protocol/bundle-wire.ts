import { createHash } from 'node:crypto'
import { DfhfError } from '../../base/errors.ts'
import { isOid, type Oid } from '../../blob/oid.ts'

/** Blobs that one request may ask for, and the bytes of those that one reply gives. */
export const MAX_BUNDLE_BLOBS = 512
export const MAX_BUNDLE_BYTES = 2 ** 22
/** The largest blob in a bundle. */
export const MAX_BUNDLED_BLOB = 2 ** 18
/** The longest body of a request, in bytes. */
export const MAX_WANTED_LENGTH = MAX_BUNDLE_BLOBS * 65
/** An oid, a space, a size and no more. */
const MAX_HEADER_LENGTH = 72
const CLOSED_WITHIN = 'closed within a bundle of blobs'

/** A small blob as a peer sent it: of the size that was wanted, its bytes not yet checked. */
export interface BundledBlob {
  readonly oid: Oid
  readonly bytes: Uint8Array
}

/** The body of a request for many blobs: a line for each. */
export function formatWanted(oids: Iterable<Oid>): string {
  return [...oids].join('\n')
}

/** Reads `formatWanted`'s text; undefined for anything else, for repeats, and for too many. */
export function parseWanted(text: string): Oid[] | undefined {
  const lines = text.length <= MAX_WANTED_LENGTH ? text.split('\n') : []
  const oids = lines.filter(isOid)
  const isSound = oids.length === lines.length && new Set(oids).size === oids.length
  return isSound && oids.length > 0 && oids.length <= MAX_BUNDLE_BLOBS ? oids : undefined
}

/** What names a body in the address of its request, so that the signature over that covers the body as well. */
export function bodyDigest(body: string): string {
  return createHash('sha256').update(body).digest('hex')
}

/** What stands before a blob's bytes in a reply. */
export function bundleHeader(oid: Oid, size: number): string {
  return `${oid} ${size}\n`
}

/**
 * The blobs of a reply. Throws `bad-response` for one that was not wanted, came before or has another size than `wanted`
 * says, so that a reply can be no larger than what was asked for; `network` where it ends within a blob.
 */
export async function* readBundle(
  body: AsyncIterable<Uint8Array>,
  options: { readonly wanted: ReadonlyMap<Oid, number>; readonly sender: string },
): AsyncGenerator<BundledBlob> {
  const { sender } = options
  const left = new Map(options.wanted)
  let header = ''
  let blob: BundledBlob | undefined
  let filled = 0
  for await (const chunk of body) {
    for (let at = 0; at < chunk.length; ) {
      if (!blob) {
        const end = chunk.indexOf(10, at)
        header += Buffer.from(chunk.subarray(at, end < 0 ? at + MAX_HEADER_LENGTH + 1 : end)).toString(
          'latin1',
        )
        if (header.length > MAX_HEADER_LENGTH) throw garbage(sender, 'a header that is too long')
        if (end < 0) break
        blob = begin(header, left, sender)
        header = ''
        filled = 0
        at = end + 1
      }
      const part = chunk.subarray(at, at + blob.bytes.length - filled)
      blob.bytes.set(part, filled)
      filled += part.length
      at += part.length
      if (filled < blob.bytes.length) continue
      yield blob
      blob = undefined
    }
  }
  if (blob || header !== '')
    throw new DfhfError('network', `peer ${sender} ${CLOSED_WITHIN}`, { retryable: true })
}

function begin(header: string, left: Map<Oid, number>, sender: string): BundledBlob {
  const [oid = '', size = '', ...others] = header.split(' ')
  if (!isOid(oid) || !/^\d{1,7}$/.test(size) || others.length > 0) throw garbage(sender, 'a bad header')
  if (left.get(oid) !== Number(size)) throw garbage(sender, 'a blob that was not asked for')
  left.delete(oid)
  return { oid, bytes: new Uint8Array(Number(size)) }
}

function garbage(sender: string, what: string): DfhfError {
  return new DfhfError('bad-response', `peer ${sender} sent ${what} in a bundle of blobs`)
}
