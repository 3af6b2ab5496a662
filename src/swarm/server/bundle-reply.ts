import type { Oid } from '../../blob/oid.ts'
import {
  type BundledBlob,
  bodyDigest,
  bundleHeader,
  MAX_BUNDLE_BYTES,
  MAX_BUNDLED_BLOB,
  MAX_WANTED_LENGTH,
  parseWanted,
} from '../protocol/bundle-wire.ts'
import { busy, refuse } from '../protocol/peer-reply.ts'
import type { Asker, BlobShelf } from './blob-shelf.ts'
import type { Admitted, UploadContext } from './range-reply.ts'

/** Blobs are gathered up to about so many bytes, or for so many ms, before they are sent. */
const CHUNK_SIZE = 2 ** 18
const SLICE_MS = 5
/** Once a blob took so many ms to read, the thread waits for none of this reply. */
const SLOW_MS = 2

/**
 * Answers with those of many small blobs that are here for this asker, in the order in which they were asked for: as one
 * upload, each blob found with the same permissions as when it is asked for alone, and read when its turn comes.
 */
export async function bundleReply(
  shelf: BlobShelf,
  query: URLSearchParams,
  context: Admitted & UploadContext,
): Promise<Response> {
  const { request, connection, asker, uploads, onUpload } = context
  if (Number(request.headers.get('content-length') ?? 0) > MAX_WANTED_LENGTH)
    return refuse(413, 'too many blobs at once')
  const body = await request.text()
  if (query.get('body') !== bodyDigest(body)) return refuse(400, 'another body than the one that was signed')
  const oids = parseWanted(body)
  if (!oids) return refuse(400, 'a bad list of blobs')
  const release = uploads.admit(connection)
  if (!release) return busy('busy')
  request.signal.addEventListener('abort', release, { once: true })
  const blobs = new SmallBlobs(shelf, oids, asker)
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const parts: Uint8Array[] = []
        for (const { oid, bytes } of await blobs.next(CHUNK_SIZE)) {
          onUpload?.({ oid, size: bytes.length, to: asker.peer?.name ?? asker.address })
          parts.push(Buffer.from(bundleHeader(oid, bytes.length), 'latin1'), bytes)
        }
        if (parts.length > 0) return controller.enqueue(Buffer.concat(parts))
        release()
        controller.close()
      } catch (error) {
        release()
        controller.error(error)
      }
    },
    cancel: release,
  })
  return new Response(stream, { headers: { 'content-type': 'application/octet-stream' } })
}

/** Those of the wanted blobs that are here whole and small, in their order, as far as one reply holds them. */
class SmallBlobs {
  readonly #shelf: BlobShelf
  readonly #oids: readonly Oid[]
  readonly #asker: Asker
  #at = 0
  #left = MAX_BUNDLE_BYTES
  /** False once the disk was looked at for one that is missing, or lets the thread wait. */
  #mayLook = true
  #isQuick = true

  constructor(shelf: BlobShelf, oids: readonly Oid[], asker: Asker) {
    this.#shelf = shelf
    this.#oids = oids
    this.#asker = asker
  }

  /** About so many bytes of them; none at the end. */
  async next(bytes: number): Promise<readonly BundledBlob[]> {
    const blobs: BundledBlob[] = []
    const until = performance.now() + SLICE_MS
    for (let size = 0; size < bytes; ) {
      const oid = this.#oids[this.#at++]
      if (oid === undefined) break
      const found = this.#readNow(oid) ?? (await this.#read(oid))
      if (!found) continue
      this.#left -= found.length
      size += found.length
      blobs.push({ oid, bytes: found })
      if (performance.now() > until) break
    }
    return blobs
  }

  #readNow(oid: Oid): Uint8Array | undefined {
    if (!this.#isQuick) return undefined
    const startedAt = performance.now()
    const bytes = this.#shelf.readNow?.(oid, this.#asker, this.#most)
    // A disk that has to seek for each would keep everything else waiting.
    this.#isQuick = performance.now() - startedAt < SLOW_MS
    return bytes
  }

  async #read(oid: Oid): Promise<Uint8Array | undefined> {
    let blob = await this.#shelf.find(oid, this.#asker, { isKnownOnly: true })
    if (!blob && this.#mayLook) {
      this.#mayLook = false
      blob = await this.#shelf.find(oid, this.#asker)
    }
    if (!blob?.pieces.isFull || blob.size > this.#most) return undefined
    const { size } = blob
    // A file that went away meanwhile is not here.
    const body = await blob.open({ start: 0, end: size }).catch(() => undefined)
    const bytes = body && (await new Response(body).bytes().catch(() => undefined))
    return bytes?.length === size ? bytes : undefined
  }

  get #most(): number {
    return Math.min(this.#left, MAX_BUNDLED_BLOB)
  }
}
