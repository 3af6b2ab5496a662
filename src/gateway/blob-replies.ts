import { DfhfError, isOfClass } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { RequestedRange } from '../http/ranges/range-header.ts'
import { RangeIgnoredError } from '../http/ranges/range-request.ts'
import type { BlobLibrary } from '../peer/blob-library.ts'
import { readWhileFetching } from '../peer/blob-reader.ts'
import type { LocatedBlob } from '../peer/located-blob.ts'
import type { SharedFetch } from '../peer/shared-fetch.ts'
import type { OriginSource } from '../repo/origin.ts'
import { checkedStream, primeStream } from './checked-stream.ts'
import { CutReplies } from './cut-replies.ts'
import type { FileBody, GatewayRequest, HeaderLine, Reply } from './message.ts'
import { etagOf } from './mirror/file-fact.ts'
import { refuse } from './refusal.ts'
import { isKnownToClient, requestedRange } from './requested-range.ts'

/** How a request for bytes was served: from this disk, from a fetch of another client, by a new fetch, or straight through. */
export type ServedFrom = 'hit' | 'join' | 'miss' | 'pass'

/** A range of a missing blob is passed straight through when it is this short: to fetch all of the blob would be waste. */
const PROBE_SIZE = 2 ** 16
/** A fetch goes on for so long after its last reader left: many clients come back for the next range. */
const LINGER_MS = 5_000
/** A blob that has to be hashed first is sent meanwhile when that takes longer than this. */
const HASH_PATIENCE_MS = 300

/** A blob that a client may have, and the source of its bytes where it is not here. */
export interface WantedBlob extends LocatedBlob {
  /** Asks with the client's own token. */
  readonly source: OriginSource
  /** What the client knows the content by. @default the oid, as on the Hub */
  readonly etag?: string | undefined
  /** Called when the bytes turned out not to be this blob. */
  readonly onMismatch?: (() => void) | undefined
}

/** Where replies get their blobs, and what hears of each reply. */
export interface BlobRepliesParts {
  readonly library: BlobLibrary
  readonly log: Log
  /** True when all peers hold the cluster key. @default false */
  readonly trustsPeers?: boolean
  readonly onServe?: ((served: { readonly from: ServedFrom; readonly size: number }) => void) | undefined
}

/** Answers requests for bytes of blobs, found by oid and not by path. */
export class BlobReplies {
  readonly #parts: BlobRepliesParts
  readonly #lingering = new Map<SharedFetch, NodeJS.Timeout>()
  readonly #cut = new CutReplies()

  constructor(parts: BlobRepliesParts) {
    this.#parts = parts
  }

  /** 200, 206, 304 or 416 with `headers`. The client's right to the blob was decided before. */
  async reply(request: GatewayRequest, wanted: WantedBlob, headers: readonly HeaderLine[]): Promise<Reply> {
    const { oid, size, etag = etagOf(oid) } = wanted
    if (isKnownToClient(request.headers, etag)) {
      return { status: 304, headers: headers.filter(([name]) => !/^content-/i.test(name)) }
    }
    if (request.method === 'HEAD')
      return { status: 200, headers: [...headers, ['Content-Length', String(size)]] }
    const asked = requestedRange(request.headers, size, etag)
    const isRestOfCut = typeof asked !== 'string' && asked.isRest && this.#cut.has(oid)
    const range = isRestOfCut ? 'whole' : asked
    if (range === 'unsatisfiable') {
      return refuse(416, 'no such range', [
        ...headers.filter(([name]) => !/^content-/i.test(name)),
        ['Content-Range', `bytes */${size}`],
      ])
    }
    const part = range === 'whole' ? { start: 0, end: size, isRest: true } : range
    const { from, body } = await this.#open(request, wanted, part)
    this.#parts.onServe?.({ from, size: part.end - part.start })
    const lines: HeaderLine[] = [
      ...headers,
      ['Content-Length', String(part.end - part.start)],
      ['X-Dfhf-Cache', from],
    ]
    if (range === 'whole') return { status: 200, headers: lines, body }
    lines.push(['Content-Range', `bytes ${part.start}-${part.end - 1}/${size}`])
    return { status: 206, headers: lines, body }
  }

  /** Leaves every fetch that goes on only in case its readers come back. */
  close(): void {
    for (const [fetch, timer] of this.#lingering) {
      clearTimeout(timer)
      fetch.leave()
    }
    this.#lingering.clear()
  }

  async #open(
    request: GatewayRequest,
    wanted: WantedBlob,
    range: RequestedRange,
  ): Promise<{ readonly from: ServedFrom; readonly body: Reply['body'] }> {
    const { library, log } = this.#parts
    const { oid, size } = wanted
    if (size === 0) return { from: 'hit', body: undefined }
    const isShort = !range.isRest && range.end - range.start <= Math.min(PROBE_SIZE, size / 4)
    // The Hub's own bytes prove that they are this repo's; a copy on this disk must not show before that is proven.
    const passed = !library.isProven(wanted) && isShort && (await this.#part(request, wanted, range))
    if (passed) return { from: 'pass', body: passed }
    await library.prove(wanted, wanted.source, request.signal)
    const local = await this.#local(wanted, range)
    if (local) return { from: 'hit', body: local }
    const isRunning = library.isFetching(oid)
    const part = !isRunning && isShort && (await this.#part(request, wanted, range))
    if (part) return { from: 'pass', body: part }
    try {
      return { from: isRunning ? 'join' : 'miss', body: await this.#read(request, wanted, range) }
    } catch (error) {
      if (!(error instanceof DfhfError) || error.code !== 'disk-full') throw error
      log.warn(`${error.message}; passing the blob through`)
      return { from: 'pass', body: await this.#direct(request, wanted, range) }
    }
  }

  /** The blob on this disk. One that another tool put there is hashed first, or meanwhile when that takes long. */
  async #local({ oid, size, repo }: WantedBlob, range: RequestedRange): Promise<FileBody | undefined> {
    const { library } = this.#parts
    const { index, store } = library.parts
    const { start, end } = range
    // Hashing goes on when this client leaves: the next one needs it as well.
    const acquiring = library.acquire(oid)
    if (!(await settlesWithin(acquiring, HASH_PATIENCE_MS))) {
      const found = await index.peek(oid)
      if (found?.size === size) {
        void acquiring.then((pin) => pin?.[Symbol.dispose]()).catch(() => {})
        return { path: found.path, start, end, isGood: () => index.holds(found.path, oid), release() {} }
      }
    }
    const pin = await acquiring
    if (pin?.size !== size) {
      pin?.[Symbol.dispose]()
      return undefined
    }
    if (repo && pin.heldBy === 'store') void store.addRepo(oid, repo).catch(() => {})
    const isGood = () => index.holds(pin.path, oid)
    return { path: pin.path, start, end, isGood, release: () => pin[Symbol.dispose]() }
  }

  async #read(request: GatewayRequest, wanted: WantedBlob, range: RequestedRange): Promise<Reply['body']> {
    for (let isSecond = false; ; isSecond = true) {
      try {
        return await primeStream(this.#readOnce(request, wanted, range))
      } catch (error) {
        // The fetch that was joined speaks with the token of another client, which the Hub may refuse by now.
        if (isSecond || !isOfClass(error, 'denied')) throw error
      }
    }
  }

  async *#readOnce(
    request: GatewayRequest,
    wanted: WantedBlob,
    range: RequestedRange,
  ): AsyncGenerator<Uint8Array> {
    const fetch = await this.#parts.library.join(wanted, wanted.source)
    try {
      yield* readWhileFetching(fetch, range, request.signal, {
        isRest: range.isRest,
        waitsForAll: this.#cut.has(wanted.oid),
        trustsPeers: this.#parts.trustsPeers === true,
      })
    } catch (error) {
      if (error instanceof DfhfError && error.code === 'verification-failed') {
        this.#cut.note(wanted.oid)
        wanted.onMismatch?.()
      }
      throw error
    } finally {
      this.#leaveLater(fetch)
    }
  }

  /** From the Hub to the client and nowhere else; a whole blob is checked on the way. */
  async #direct(request: GatewayRequest, wanted: WantedBlob, range: RequestedRange): Promise<Reply['body']> {
    const { signal } = request
    const { oid, size, source } = wanted
    const body = await source.open(range, { signal })
    const isWhole = range.start === 0 && range.end === size
    return isWhole ? checkedStream(body, oid, size) : body
  }

  /** The same for a part of it; undefined where the Hub gives whole files alone. */
  async #part(request: GatewayRequest, wanted: WantedBlob, range: RequestedRange): Promise<Reply['body']> {
    try {
      return await this.#direct(request, wanted, range)
    } catch (error) {
      if (error instanceof RangeIgnoredError) return undefined
      throw error
    }
  }

  #leaveLater(fetch: SharedFetch): void {
    const leave = () => {
      clearTimeout(timer)
      this.#lingering.delete(fetch)
      fetch.leave()
    }
    const timer = setTimeout(leave, LINGER_MS)
    timer.unref()
    this.#lingering.set(fetch, timer)
    // A fetch that is over need not linger.
    fetch.done.then(leave, leave)
  }
}

async function settlesWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const timer = setTimeout(resolve, ms, false)
  const settle = () => resolve(true)
  work.then(settle, settle)
  return promise.finally(() => clearTimeout(timer))
}
