import { createTimeSlice } from '../../base/time-slice.ts'
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

/** Memory for the bytes of a reply to begin with: more than most replies take, and doubled for one that takes more. */
const FIRST_SIZE = 2 ** 21 + 2 ** 16
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
  const reply = new BundleReply(shelf, oids, asker, (oid, size) => {
    onUpload?.({ oid, size, to: asker.peer?.name ?? asker.address })
  })
  try {
    await reply.gather(request.signal)
  } catch (error) {
    release()
    throw error
  }
  // Bytes and not a stream: the runtime would leave the length out.
  return new Response(reply.bytes, { headers: { 'content-type': 'application/octet-stream' } })
}

/** Those of the wanted blobs that are here whole and small, in their order, as far as one reply holds them. */
class BundleReply {
  readonly #shelf: BlobShelf
  readonly #oids: readonly Oid[]
  readonly #asker: Asker
  readonly #onBlob: (oid: Oid, size: number) => void
  /** What the blobs are written into, and how far it is full. */
  #buffer = Buffer.allocUnsafeSlow(FIRST_SIZE)
  #filled = 0
  #left = MAX_BUNDLE_BYTES
  /** False once the disk was looked at for one that is missing, or lets the thread wait. */
  #mayLook = true
  #isQuick = true

  constructor(
    shelf: BlobShelf,
    oids: readonly Oid[],
    asker: Asker,
    onBlob: (oid: Oid, size: number) => void,
  ) {
    this.#shelf = shelf
    this.#oids = oids
    this.#asker = asker
    this.#onBlob = onBlob
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(0, this.#filled)
  }

  /** Reads them, some at a time. */
  async gather(signal: AbortSignal): Promise<void> {
    const othersTurn = createTimeSlice({ sliceMs: SLICE_MS })
    const until = performance.now() + MOST_MS
    for (const oid of this.#oids) {
      await othersTurn()
      if (signal.aborted || performance.now() > until) break
      if (!this.#readNow(oid)) await this.#read(oid)
    }
  }

  #readNow(oid: Oid): boolean {
    if (!this.#isQuick) return false
    const startedAt = performance.now()
    const bytes = this.#shelf.readNow?.(oid, this.#asker, (size) => this.#roomFor(oid, size))
    // A disk that has to seek for each would keep everything else waiting.
    this.#isQuick = performance.now() - startedAt < SLOW_MS
    if (bytes) this.#took(oid, bytes)
    return bytes !== undefined
  }

  async #read(oid: Oid): Promise<void> {
    let blob = await this.#shelf.find(oid, this.#asker, { isKnownOnly: true })
    if (!blob && this.#mayLook) {
      this.#mayLook = false
      blob = await this.#shelf.find(oid, this.#asker)
    }
    if (!blob?.pieces.isFull) return
    const { size } = blob
    if (size > Math.min(this.#left, MAX_BUNDLED_BLOB)) return
    // A file that went away meanwhile is not here.
    const body = await blob.open({ start: 0, end: size }).catch(() => undefined)
    const bytes = body && (await new Response(body).bytes().catch(() => undefined))
    if (bytes?.length !== size) return
    const room = this.#roomFor(oid, size)
    room?.set(bytes)
    if (room) this.#took(oid, room)
  }

  /** Where a blob's bytes are to be written, behind its header. Nothing of it counts before `#took`. */
  #roomFor(oid: Oid, size: number): Uint8Array | undefined {
    if (size > Math.min(this.#left, MAX_BUNDLED_BLOB)) return undefined
    const header = bundleHeader(oid, size)
    const start = this.#filled + header.length
    if (start + size > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(2 * this.#buffer.length)
      larger.set(this.bytes)
      this.#buffer = larger
    }
    this.#buffer.write(header, this.#filled, 'latin1')
    return this.#buffer.subarray(start, start + size)
  }

  #took(oid: Oid, { byteOffset, byteLength }: Uint8Array): void {
    this.#filled = byteOffset + byteLength
    this.#left -= byteLength
    this.#onBlob(oid, byteLength)
  }
}
