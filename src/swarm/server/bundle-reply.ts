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
import { busy, refuse, releaseAtEnd } from '../protocol/peer-reply.ts'
import type { Asker, BlobShelf } from './blob-shelf.ts'
import type { Admitted, UploadContext } from './range-reply.ts'

/** For so many ms blobs are read before everything else has its turn. */
const SLICE_MS = 5
/** What was not read within so many ms is left out: whoever asks does not wait for much longer. */
const MOST_MS = 700
/** Once a blob took so many ms to read, the thread waits for none of this reply. */
const SLOW_MS = 2

/**
 * Answers with those of many small blobs that are here for this asker, in the order in which they were asked for: as one
 * upload, each blob found with the same permissions as when it is asked for alone. All are read before the first is sent:
 * a reply of a known length costs both sides less than one in parts.
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
  const parts: Uint8Array[] = []
  try {
    const until = performance.now() + MOST_MS
    for (let some = await blobs.next(); some.length > 0; some = await blobs.next()) {
      for (const { oid, bytes } of some) {
        onUpload?.({ oid, size: bytes.length, to: asker.peer?.name ?? asker.address })
        parts.push(Buffer.from(bundleHeader(oid, bytes.length), 'latin1'), bytes)
      }
      await othersTurn()
      if (request.signal.aborted || performance.now() > until) break
    }
  } catch (error) {
    release()
    throw error
  }
  const all = Buffer.concat(parts)
  const headers = { 'content-type': 'application/octet-stream', 'content-length': String(all.length) }
  return new Response(releaseAtEnd(streamOf(all), release), { headers })
}

function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes)
      controller.close()
    },
  })
}

function othersTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
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

  /** The next few, read within a few ms; none at the end. */
  async next(): Promise<readonly BundledBlob[]> {
    const blobs: BundledBlob[] = []
    const until = performance.now() + SLICE_MS
    while (blobs.length === 0 || performance.now() < until) {
      const oid = this.#oids[this.#at++]
      if (oid === undefined) break
      const bytes = this.#readNow(oid) ?? (await this.#read(oid))
      if (!bytes) continue
      this.#left -= bytes.length
      blobs.push({ oid, bytes })
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
