import type { Oid } from '../../blob/oid.ts'
import { type ByteRange, pieceSizeOf } from '../../blob/pieces.ts'
import { parseRange } from '../../http/ranges/range-header.ts'
import { busy, NOT_HERE_YET, refuse, releaseAtEnd } from '../protocol/peer-reply.ts'
import type { Asker, SharedBlob } from './blob-shelf.ts'
import type { Connection, UploadLedger } from './upload-ledger.ts'

/** A request whose sender was checked. */
export interface Admitted {
  readonly request: Request
  readonly connection: Connection
  readonly asker: Asker
}

/** Bytes that are about to be sent to a peer. */
export interface Upload {
  readonly oid: Oid
  readonly size: number
  /** The peer's name, or its address. */
  readonly to: string
}

/** What counts what is sent. */
export interface UploadContext {
  readonly uploads: UploadLedger
  readonly onUpload: ((upload: Upload) => void) | undefined
}

/** Answers with the bytes of a blob: 206, or 200 for the whole, 416, or 503 for pieces that are not here and when busy. */
export async function rangeReply(
  oid: Oid,
  blob: SharedBlob,
  context: Admitted & UploadContext,
): Promise<Response> {
  const { request, connection, asker, uploads, onUpload } = context
  const header = request.headers.get('range')
  const range = header === null ? { start: 0, end: blob.size } : parseRange(header, blob.size)
  if (typeof range === 'string') return refuse(416, 'no such range', { contentRange: `bytes */${blob.size}` })
  if (!hasAll(blob, range)) return refuse(503, NOT_HERE_YET, { retryAfter: 1 })
  const size = range.end - range.start
  const headers = {
    'content-type': 'application/octet-stream',
    // Without this header the runtime would send the file's own name.
    'content-disposition': 'attachment',
    'accept-ranges': 'bytes',
    etag: `"${oid}"`,
    'content-length': String(size),
    ...(header !== null && { 'content-range': `bytes ${range.start}-${range.end - 1}/${blob.size}` }),
  }
  const status = header === null ? 200 : 206
  if (request.method === 'HEAD' || size === 0) return new Response(null, { status, headers })
  const release = uploads.admit(connection)
  if (!release) return busy('busy')
  request.signal.addEventListener('abort', release, { once: true })
  try {
    const body = await blob.open(range)
    onUpload?.({ oid, size, to: asker.peer?.name ?? asker.address })
    return new Response(body instanceof ReadableStream ? releaseAtEnd(body, release) : body, {
      status,
      headers,
    })
  } catch (error) {
    release()
    throw error
  }
}

function hasAll(blob: SharedBlob, range: ByteRange): boolean {
  const pieceSize = pieceSizeOf(blob.size)
  for (let index = Math.floor(range.start / pieceSize); index * pieceSize < range.end; index += 1)
    if (!blob.pieces.has(index)) return false
  return true
}
