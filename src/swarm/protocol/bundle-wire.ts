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

/** Blobs that arrived together. */
export interface BundlePart {
  readonly blobs: readonly BundledBlob[]
  /** What most of their bytes are parts of: to be given back when they are no longer needed. */
  readonly chunk: Uint8Array
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
 * The blobs of a reply, those together that arrived together. Throws `bad-response` for one that was not wanted, came
 * before or has another size than `wanted` says, so that a reply can be no larger than what was asked for; `network` where
 * it ends within a blob. What came before that is given.
 */
export async function* readBundle(
  body: AsyncIterable<Uint8Array>,
  options: { readonly wanted: ReadonlyMap<Oid, number>; readonly sender: string },
): AsyncGenerator<BundlePart> {
  const reader = new BundleReader(options.wanted, options.sender)
  for await (const chunk of body) {
    const { blobs, failure } = reader.read(chunk)
    if (blobs.length > 0) yield { blobs, chunk }
    if (failure) throw failure
  }
  reader.end()
}

/** Takes a reply apart as it arrives. */
class BundleReader {
  readonly #left: Map<string, number>
  readonly #sender: string
  #header = ''
  /** A blob whose end has not arrived. */
  #blob: BundledBlob | undefined
  #filled = 0

  constructor(wanted: ReadonlyMap<Oid, number>, sender: string) {
    this.#left = new Map(wanted)
    this.#sender = sender
  }

  /** The blobs that end in the next bytes of the reply, as far as it is well-formed, and what is wrong with it. */
  read(chunk: Uint8Array): { readonly blobs: readonly BundledBlob[]; readonly failure?: DfhfError } {
    const blobs: BundledBlob[] = []
    try {
      for (let at = 0; at < chunk.length; ) {
        at = this.#blob ? this.#fill(this.#blob, chunk, at, blobs) : this.#begin(chunk, at, blobs)
      }
      return { blobs }
    } catch (error) {
      if (error instanceof DfhfError) return { blobs, failure: error }
      throw error
    }
  }

  /** Throws where the reply ended too early. */
  end(): void {
    if (!this.#blob && this.#header === '') return
    throw new DfhfError('network', `peer ${this.#sender} ${CLOSED_WITHIN}`, { retryable: true })
  }

  /** Goes on with a blob that began in an earlier chunk; gives where to read on. */
  #fill(blob: BundledBlob, chunk: Uint8Array, at: number, blobs: BundledBlob[]): number {
    const part = chunk.subarray(at, at + blob.bytes.length - this.#filled)
    blob.bytes.set(part, this.#filled)
    this.#filled += part.length
    if (this.#filled === blob.bytes.length) {
      blobs.push(blob)
      this.#blob = undefined
    }
    return at + part.length
  }

  /** Reads a header, and the blob where all of it is here; gives where to read on. */
  #begin(chunk: Uint8Array, at: number, blobs: BundledBlob[]): number {
    const end = chunk.indexOf(10, at)
    this.#header += textOf(chunk, at, end < 0 ? Math.min(chunk.length, at + MAX_HEADER_LENGTH + 1) : end)
    if (this.#header.length > MAX_HEADER_LENGTH) throw garbage(this.#sender, 'a header that is too long')
    if (end < 0) return chunk.length
    const { oid, size } = wantedIn(this.#header, this.#left, this.#sender)
    this.#header = ''
    const start = end + 1
    if (chunk.length - start >= size) {
      blobs.push({ oid, bytes: chunk.subarray(start, start + size) })
      return start + size
    }
    this.#blob = { oid, bytes: Buffer.allocUnsafeSlow(size) }
    this.#filled = 0
    return start
  }
}

function textOf({ buffer, byteOffset }: Uint8Array, start: number, end: number): string {
  return Buffer.from(buffer, byteOffset + start, end - start).toString('latin1')
}

/** The blob that a header announces, which is not to come again. */
function wantedIn(
  header: string,
  left: Map<string, number>,
  sender: string,
): { readonly oid: Oid; readonly size: number } {
  const [oid = '', text = '', ...others] = header.split(' ')
  const size = left.get(oid)
  if (!isOid(oid) || others.length > 0) throw garbage(sender, 'a bad header')
  if (size === undefined || text !== String(size)) throw garbage(sender, 'a blob that was not asked for')
  left.delete(oid)
  return { oid, size }
}

function garbage(sender: string, what: string): DfhfError {
  return new DfhfError('bad-response', `peer ${sender} sent ${what} in a bundle of blobs`)
}
