import { open } from 'node:fs/promises'
import { DfhfError } from '../base/errors.ts'
import { type ByteRange, pieceSizeOf } from '../blob/pieces.ts'
import { HUB } from '../transfer/piece-board.ts'
import type { Errand } from './blob-library.ts'

/** Bytes read and sent at a time: a hundred readers at once must not take much memory. */
const CHUNK_SIZE = 2 ** 17
const SMALL_CHUNK_SIZE = 2 ** 15
const MANY_READERS = 32

let readers = 0

/**
 * The bytes of a range while the blob is still being fetched, as soon as they can be trusted. A whole blob, and a rest
 * with which a client completes one (`isRest`), is held back before its last bytes until the blob was checked as a
 * whole; of another part only what came from the Hub itself goes out before that. So nobody ever gets a complete answer with wrong bytes: if the check fails, this throws. A chunk's
 * bytes count until the next one is asked for: one buffer serves a reader to its end. With `waitsForAll` no byte goes out
 * before the whole was checked.
 */
export async function* readWhileFetching(
  errand: Errand,
  range: ByteRange,
  signal: AbortSignal,
  options: { readonly isRest?: boolean; readonly waitsForAll?: boolean } = {},
): AsyncGenerator<Uint8Array> {
  const { transfer, done } = errand
  const { size, file } = transfer.parts
  const isWhole = range.start === 0 && range.end === size
  const pieceSize = pieceSizeOf(size)
  // A descriptor of its own outlives the rename to the final name and the close of the writer's.
  await using handle = await open(file.path, 'r')
  let revision = transfer.revision
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
    if (!isDone) await untilReadable(errand, piece, signal)
    const isLast = (isWhole || options.isRest === true) && end === size
    const mustWait =
      options.waitsForAll === true || isLast || (!isWhole && transfer.origins.get(piece) !== HUB)
    if (!isDone && mustWait) await abortable(whole, signal)
    if (offset === range.start) revision = transfer.revision
    else if (transfer.revision !== revision) {
      throw new DfhfError(
        'verification-failed',
        `bytes that were sent of blob ${transfer.parts.oid} were wrong`,
      )
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

function countReader(): Disposable {
  readers += 1
  return {
    [Symbol.dispose]() {
      readers -= 1
    },
  }
}

/** Resolves when a piece is in the file, or the fetch is over; rejects when it failed. */
function untilReadable({ transfer, done }: Errand, piece: number, signal: AbortSignal): Promise<void> {
  if (transfer.pieces.has(piece)) return Promise.resolve()
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void) => {
      off()
      signal.removeEventListener('abort', onAbort)
      settle()
    }
    const onAbort = () => finish(() => reject(signal.reason))
    const off = transfer.subscribe(() => {
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
