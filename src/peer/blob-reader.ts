import { open } from 'node:fs/promises'
import { delay } from '../base/delay.ts'
import { DfhfError } from '../base/errors.ts'
import { type ByteRange, pieceSizeOf } from '../blob/pieces.ts'
import { HUB } from '../schedule/piece-board.ts'
import type { SharedFetch } from './shared-fetch.ts'

/** Bytes read and sent at a time: a hundred readers at once must not take much memory. */
const CHUNK_SIZE = 2 ** 16
const SMALL_CHUNK_SIZE = 2 ** 15
const MANY_READERS = 32

let readers = 0

/** A client that hears nothing for 10 s gives up (huggingface_hub's read timeout): it is sent a few bytes before that. */
const SILENCE_MS = 4_000
const SIGN_OF_LIFE_SIZE = 512
/** Bytes asked of the Hub at a time for signs of life: enough for minutes. */
const LIFE_SIZE = 2 ** 16

/**
 * The bytes of a range while the blob is still being fetched, as soon as they can be trusted: the Hub's own at once,
 * those of peers once the blob was checked as a whole. A client that loses its connection goes on
 * behind the bytes that it has, so not even a reply that is cut may hold wrong ones; while it has to wait it is sent
 * some bytes of the Hub's own now and then. Peers that hold the cluster key (`trustsPeers`) are believed for a whole
 * blob, but for its last bytes. If the check fails, this throws. With `waitsForAll` no byte goes out before the check.
 * A chunk's bytes count until the next one is asked for: one buffer serves a reader to its end.
 */
export async function* readWhileFetching(
  fetch: SharedFetch,
  range: ByteRange,
  signal: AbortSignal,
  options: {
    readonly isRest?: boolean
    readonly waitsForAll?: boolean
    readonly trustsPeers?: boolean
  } = {},
): AsyncGenerator<Uint8Array> {
  const { transfer, done } = fetch
  const { size, file, pieces } = transfer
  const isWhole = range.start === 0 && range.end === size
  const pieceSize = pieceSizeOf(size)
  // This reader's own descriptor stays good when the file is renamed and its writer closes.
  await using handle = await open(file.path, 'r')
  let { revision } = pieces
  let isDone = false
  const whole = done.then(() => {
    isDone = true
  })
  whole.catch(() => {})
  using _reader = countReader()
  const chunkSize = readers > MANY_READERS ? SMALL_CHUNK_SIZE : CHUNK_SIZE
  const chunk = new Uint8Array(Math.min(chunkSize, range.end - range.start))
  transfer.moveHead(Math.floor(range.start / pieceSize))
  for (let offset = range.start; offset < range.end; ) {
    const piece = Math.floor(offset / pieceSize)
    const end = Math.min(range.end, (piece + 1) * pieceSize)
    if (!isDone) await untilReadable(fetch, piece, signal)
    const isLast = (isWhole || options.isRest === true) && end === size
    const isBelieved = pieces.sourceOf(piece) === HUB || (isWhole && options.trustsPeers === true)
    if (!isDone && (options.waitsForAll === true || isLast || !isBelieved)) {
      if (options.waitsForAll !== true && !isBelieved)
        for await (const bytes of signsOfLife(
          fetch,
          { start: offset, end: Math.min(range.end, size - 1) },
          signal,
        )) {
          yield bytes
          offset += bytes.length
        }
      await abortable(whole, signal)
    }
    if (offset >= range.end) return
    if (offset === range.start) revision = pieces.revision
    else if (options.trustsPeers === true && pieces.revision !== revision) {
      throw new DfhfError('verification-failed', `bytes that were sent of blob ${transfer.oid} were wrong`)
    }
    while (offset < end) {
      signal.throwIfAborted()
      const { bytesRead } = await handle.read(chunk, 0, Math.min(chunk.length, end - offset), offset)
      if (bytesRead === 0) throw new DfhfError('disk', `${file.path} ends at ${offset}`)
      offset += bytesRead
      yield chunk.subarray(0, bytesRead)
    }
  }
}

/** A few bytes of the Hub's own now and then until the fetch is over; none where it is over soon or the Hub gives none. */
async function* signsOfLife(
  { transfer, done }: SharedFetch,
  range: ByteRange,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const over = new AbortController()
  const end = () => over.abort()
  done.then(end, end)
  const untilOver = AbortSignal.any([signal, over.signal])
  const isOver = async () => {
    await delay(SILENCE_MS, { signal: untilOver }).catch(() => {})
    return untilOver.aborted
  }
  for (let { start } = range; start < range.end; ) {
    if (await isOver()) return
    const part = { start, end: Math.min(range.end, start + LIFE_SIZE) }
    const bytes = await fromHub(transfer, part, untilOver).catch(() => undefined)
    if (!bytes || bytes.length === 0) return
    for (let at = 0; at < bytes.length; at += SIGN_OF_LIFE_SIZE) {
      const sign = bytes.subarray(at, at + SIGN_OF_LIFE_SIZE)
      yield sign
      start += sign.length
      if (await isOver()) return
    }
  }
}

async function fromHub(
  { hub }: SharedFetch['transfer'],
  range: ByteRange,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of (await hub?.open(range, { signal })) ?? []) chunks.push(chunk.slice())
  return Buffer.concat(chunks)
}

function countReader(): Disposable {
  readers += 1
  return {
    [Symbol.dispose]() {
      readers -= 1
    },
  }
}

/** Resolves when a piece is in the file, or the fetch is over; rejects when it failed. */
function untilReadable({ transfer, done }: SharedFetch, piece: number, signal: AbortSignal): Promise<void> {
  if (transfer.pieces.has(piece)) return Promise.resolve()
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void) => {
      off()
      signal.removeEventListener('abort', onAbort)
      settle()
    }
    const onAbort = () => finish(() => reject(signal.reason))
    const off = transfer.pieces.subscribe(() => {
      if (transfer.pieces.has(piece)) finish(resolve)
    })
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    done.then(
      () => finish(resolve),
      (error: unknown) => finish(() => reject(error)),
    )
  })
}

function abortable(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
