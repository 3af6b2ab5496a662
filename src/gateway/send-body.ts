import { open } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { DfhfError } from '../base/errors.ts'
import type { FileBody, StreamBody } from './message.ts'

/** Bytes of a file that are read and written at a time; many readers at once must not take much memory. */
const CHUNK_SIZE = 2 ** 18
const SMALL_CHUNK_SIZE = 2 ** 15
const MANY_READERS = 32

/** A client that takes nothing for so long is gone, and at the latest after twice this. */
const STUCK_MS = 300_000

let readers = 0

/**
 * Sends a file's bytes through one buffer that is used again and again: with one buffer for each read, a hundred
 * readers made twice as much garbage as all else took.
 */
export async function sendFile(response: ServerResponse, body: FileBody): Promise<void> {
  readers += 1
  try {
    await using handle = await open(body.path, 'r')
    using writer = new BodyWriter(response)
    const size = Math.min(body.end - body.start, readers > MANY_READERS ? SMALL_CHUNK_SIZE : CHUNK_SIZE)
    const buffer = Buffer.allocUnsafeSlow(size)
    for (let offset = body.start; offset < body.end; ) {
      if (body.isGood && offset + size >= body.end && !(await body.isGood())) {
        throw new DfhfError('verification-failed', `${body.path} does not hold what its name says`)
      }
      const { bytesRead } = await handle.read(buffer, 0, Math.min(size, body.end - offset), offset)
      if (bytesRead === 0) throw new DfhfError('disk', `${body.path} ends at ${offset}`)
      offset += bytesRead
      await writer.write(buffer.subarray(0, bytesRead))
    }
  } finally {
    readers -= 1
    body.release()
  }
}

/** Sends chunks as they come. */
export async function sendStream(response: ServerResponse, body: StreamBody): Promise<void> {
  using writer = new BodyWriter(response)
  for await (const chunk of body) if (chunk.length > 0) await writer.write(chunk)
}

/**
 * Writes a body chunk by chunk, the next one when the system has the last. Its listeners and its timer serve the
 * whole body: made anew for each chunk they were most of the garbage that a hundred readers cause.
 */
class BodyWriter implements Disposable {
  readonly #response: ServerResponse
  readonly #watch: Timer
  readonly #onClose = () => this.#settle(new DfhfError('network', 'the client went away'))
  readonly #onWritten = (error?: Error | null) => this.#settle(error ?? undefined)
  #pending: { resolve(): void; reject(error: Error): void } | undefined
  #chunks = 0
  #seenChunks = 0

  constructor(response: ServerResponse) {
    this.#response = response
    response.once('close', this.#onClose)
    this.#watch = setInterval(() => this.#cutIfStuck(), STUCK_MS)
  }

  /** Resolves when the system has the bytes; rejects when the client is gone. */
  write(bytes: Uint8Array): Promise<void> {
    this.#chunks += 1
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject }
      if (this.#response.destroyed) this.#onClose()
      else this.#response.write(bytes, this.#onWritten)
    })
  }

  [Symbol.dispose](): void {
    clearInterval(this.#watch)
    this.#response.off('close', this.#onClose)
  }

  #settle(error: Error | undefined): void {
    const pending = this.#pending
    this.#pending = undefined
    if (error) pending?.reject(error)
    else pending?.resolve()
  }

  #cutIfStuck(): void {
    if (this.#pending && this.#chunks === this.#seenChunks) this.#response.destroy()
    this.#seenChunks = this.#chunks
  }
}
