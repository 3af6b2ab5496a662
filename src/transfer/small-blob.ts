import { DfhfError } from '../base/errors.ts'
import { releaseBytes } from '../base/release-bytes.ts'
import type { BlobSource } from '../blob/blob-source.ts'
import { createOidHasher } from '../blob/digest.ts'
import type { Oid } from '../blob/oid.ts'
import type { HubBudget } from './hub/hub-budget.ts'
import type { RateLimiter } from './rate-limiter.ts'
import { SmallWatch } from './small-watch.ts'
import type { EventSink } from './transfer-event.ts'

/**
 * Up to this size a blob is fetched in one request and checked in memory. All that may be in flight at once fit into
 * 16 MiB; a larger blob is worth what a transfer of many pieces costs.
 */
export const SMALL_BLOB_SIZE = 2 ** 18

/** Small blobs in flight at once at the most, where the user names no number. */
export const MOST_SMALL_BLOBS = 64

/** Bytes of a small blob are given back from this size on: what is smaller costs more to give back than to keep. */
export const SMALLEST_RELEASED = 2 ** 12

/** A small blob to fetch from the Hub. */
export interface SmallBlob {
  readonly oid: Oid
  readonly size: number
  readonly hub: BlobSource
  /** The file's number in events. */
  readonly id: number
}

/** What all small blobs of a process share. */
export interface SmallBlobParts {
  readonly budget: HubBudget
  readonly limiter: RateLimiter
  /** For bytes from the Hub, besides the other. */
  readonly hubLimiter?: RateLimiter | undefined
  readonly report: EventSink
  /** No bytes for this long, and the request is given up. */
  readonly stallMs: number
  /** Connections to the Hub at the most, larger files' included. */
  readonly mostConnections: number
}

/**
 * The checked bytes of a small blob, by one request and without a second try; undefined where no connection may be
 * opened now. Throws what went wrong: whatever it is, a transfer of the same blob knows what to do.
 */
export async function fetchSmallBlob(
  blob: SmallBlob,
  parts: SmallBlobParts,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const { oid, size, hub, id } = blob
  const { budget, report } = parts
  const release = budget.acquireBelow(parts.mostConnections)
  if (!release) return undefined
  const startedAt = performance.now()
  let bytes: Uint8Array
  try {
    bytes = await readAll(blob, parts, signal)
  } catch (error) {
    if (error instanceof DfhfError && error.code === 'rate-limited') budget.congested(true)
    throw error
  } finally {
    release()
  }
  const hasher = createOidHasher(oid, size)
  hasher.update(bytes)
  if (hasher.digest() !== oid)
    throw new DfhfError('verification-failed', `what the Hub sent is not blob ${oid.slice(0, 12)}`)
  report({ type: 'bytes', id, count: size, kind: 'hub', source: hub.name })
  const cost = { bytes: { hub: size, peers: 0, local: 0 }, pieces: 1, retries: 0 }
  report({ type: 'task-done', id, oid, ms: performance.now() - startedAt, ...cost })
  return bytes
}

async function readAll(
  { size, hub, id }: SmallBlob,
  { limiter, hubLimiter, report, stallMs }: SmallBlobParts,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(size)
  using watch = new SmallWatch({ id, report, stallMs, signal })
  let length = 0
  for await (const chunk of await hub.open({ start: 0, end: size }, { signal: watch.signal })) {
    watch.isHeld = true
    await limiter.takeWith(hubLimiter, chunk.length, watch.signal)
    watch.isHeld = false
    watch.moved(chunk.length)
    bytes.set(chunk, length)
    length += chunk.length
    releaseBytes(chunk, SMALLEST_RELEASED)
  }
  return bytes
}
