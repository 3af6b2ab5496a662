import { open } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { DfhfError } from '../../base/errors.ts'
import type { FileBody, StreamBody } from './message.ts'

/** Bytes of a file that are read and written at a time; many readers at once must not take much memory. */
const CHUNK_SIZE = 2 ** 18
const SMALL_CHUNK_SIZE = 2 ** 15
const MANY_READERS = 32

/** A client that takes nothing for so long is gone. */
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
    const size = Math.min(body.end - body.start, readers > MANY_READERS ? SMALL_CHUNK_SIZE : CHUNK_SIZE)
    const buffer = Buffer.allocUnsafeSlow(size)
    for (let offset = body.start; offset < body.end; ) {
      if (body.isGood && offset + size >= body.end && !(await body.isGood())) {
        throw new DfhfError('verification-failed', `${body.path} does not hold what its name says`)
      }
      const { bytesRead } = await handle.read(buffer, 0, Math.min(size, body.end - offset), offset)
      if (bytesRead === 0) throw new DfhfError('disk', `${body.path} ends at ${offset}`)
      offset += bytesRead
      await written(response, buffer.subarray(0, bytesRead))
    }
  } finally {
    readers -= 1
    body.release()
  }
}

/** Sends chunks as they come. */
export async function sendStream(response: ServerResponse, body: StreamBody): Promise<void> {
  for await (const chunk of body) if (chunk.length > 0) await written(response, chunk)
}

/** Resolves when the bytes are out of our hands; rejects when the client is gone. */
function written(response: ServerResponse, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = () => {
      clearTimeout(stuck)
      reject(new DfhfError('network', 'the client went away'))
    }
    const stuck = setTimeout(() => response.destroy(), STUCK_MS)
    if (response.destroyed) return onClose()
    response.once('close', onClose)
    response.write(bytes, (error) => {
      clearTimeout(stuck)
      response.off('close', onClose)
      if (error) reject(error)
      else resolve()
    })
  })
}
