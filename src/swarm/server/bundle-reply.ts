import type { Oid } from '../../blob/oid.ts'
import {
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

/** Blobs are gathered up to about so many bytes before they are sent. */
const CHUNK_SIZE = 2 ** 16

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
  const blobs = smallBlobs(shelf, oids, asker)
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const parts: Uint8Array[] = []
        for (let size = 0; size < CHUNK_SIZE; ) {
          const { done, value } = await blobs.next()
          if (done) break
          onUpload?.({ oid: value.oid, size: value.bytes.length, to: asker.peer?.name ?? asker.address })
          parts.push(Buffer.from(bundleHeader(value.oid, value.bytes.length)), value.bytes)
          size += value.bytes.length
        }
        if (parts.length > 0) return controller.enqueue(Buffer.concat(parts))
        release()
        controller.close()
      } catch (error) {
        release()
        controller.error(error)
      }
    },
    async cancel() {
      release()
      await blobs.return(undefined)
    },
  })
  return new Response(stream, { headers: { 'content-type': 'application/octet-stream' } })
}

/** The blobs that are here whole and small, as far as one reply holds them. The disk is looked at for one that is missing, once. */
async function* smallBlobs(
  shelf: BlobShelf,
  oids: readonly Oid[],
  asker: Asker,
): AsyncGenerator<{ readonly oid: Oid; readonly bytes: Uint8Array }, undefined, undefined> {
  let isKnownOnly = false
  let left = MAX_BUNDLE_BYTES
  for (const oid of oids) {
    let blob = await shelf.find(oid, asker, { isKnownOnly: true })
    if (!blob && !isKnownOnly) {
      isKnownOnly = true
      blob = await shelf.find(oid, asker)
    }
    if (!blob?.pieces.isFull || blob.size > Math.min(left, MAX_BUNDLED_BLOB)) continue
    const { size } = blob
    // A file that went away meanwhile is not here.
    const body = await blob.open({ start: 0, end: size }).catch(() => undefined)
    const bytes = body && (await new Response(body).bytes().catch(() => undefined))
    if (bytes?.length !== size) continue
    left -= size
    yield { oid, bytes }
  }
  return undefined
}
