import { closeSync, openSync, readSync } from 'node:fs'
import { createOidHasher, type Hasher, pieceDigest } from '../blob/digest.ts'
import { PieceSums } from '../blob/piece-sums.ts'
import { pieceCountOf } from '../blob/pieces.ts'
import type { HashAnswer, HashReply, HashRequest } from './hash-protocol.ts'

declare const self: Worker

/** Bytes read at a time: enough to keep the hash busy, little enough to stay in the cache between read and hash. */
const CHUNK_SIZE = 2 ** 19

interface Blob {
  readonly fd: number
  readonly hasher: Hasher
  readonly size: number
  readonly sums: PieceSums | undefined
  hashed: number
}

const blobs = new Map<number, Blob>()
const chunk = new Uint8Array(CHUNK_SIZE)

/** Reads `[start, end)` of a file through the page cache and hands it on chunk by chunk. */
function readThrough(fd: number, start: number, end: number, use: (bytes: Uint8Array) => void): void {
  let offset = start
  while (offset < end) {
    const count = readSync(fd, chunk, 0, Math.min(CHUNK_SIZE, end - offset), offset)
    if (count === 0) throw new Error(`file ends at ${offset}, expected ${end}`)
    use(chunk.subarray(0, count))
    offset += count
  }
}

function digestOf(path: string, start: number, end: number): string {
  const bytes = new Uint8Array(end - start)
  const fd = openSync(path, 'r')
  try {
    let filled = 0
    readThrough(fd, start, end, (part) => {
      bytes.set(part, filled)
      filled += part.length
    })
  } finally {
    closeSync(fd)
  }
  return pieceDigest(bytes)
}

function close(task: number): void {
  const blob = blobs.get(task)
  if (blob) closeSync(blob.fd)
  blobs.delete(task)
}

function advance(task: number, end: number): Blob {
  const blob = blobs.get(task)
  if (!blob) throw new Error(`no blob ${task} is open`)
  readThrough(blob.fd, blob.hashed, end, (bytes) => {
    blob.hasher.update(bytes)
    blob.sums?.wrote(bytes, blob.hashed)
    blob.hashed += bytes.length
  })
  return blob
}

function finish(task: number, end: number): HashAnswer {
  try {
    const { hasher, size, sums } = advance(task, end)
    const pieces = Array.from({ length: sums ? pieceCountOf(size) : 0 }, (_, piece) => piece)
    return {
      digest: hasher.digest(),
      sums: sums && new Map(pieces.map((piece) => [piece, sums.take(piece)])),
    }
  } finally {
    close(task)
  }
}

function handle(request: HashRequest): HashAnswer {
  switch (request.type) {
    case 'open':
      close(request.task)
      blobs.set(request.task, {
        fd: openSync(request.path, 'r'),
        hasher: createOidHasher(request.oid, request.size),
        size: request.size,
        sums: request.withSums ? new PieceSums(request.size) : undefined,
        hashed: 0,
      })
      return {}
    case 'advance':
      advance(request.task, request.end)
      return {}
    case 'finish':
      return finish(request.task, request.end)
    case 'digest':
      return { digest: digestOf(request.path, request.start, request.end) }
    case 'close':
      close(request.task)
      return {}
  }
}

self.onmessage = (event: MessageEvent<HashRequest>) => {
  const { reply } = event.data
  let answer: HashReply
  try {
    answer = { reply, ...handle(event.data) }
  } catch (error) {
    answer = { reply, failure: error instanceof Error ? error.message : String(error) }
  }
  self.postMessage(answer)
}
