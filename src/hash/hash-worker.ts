import { closeSync, openSync, readSync } from 'node:fs'
import { createOidHasher, type Hasher, pieceDigest } from '../blob/digest.ts'
import type { HashReply, HashRequest } from './hash-protocol.ts'

declare const self: Worker

/** Bytes read at a time: enough to keep the hash busy, little enough to stay in the cache between read and hash. */
const CHUNK_SIZE = 2 ** 19

interface Blob {
  readonly fd: number
  readonly hasher: Hasher
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
  readThrough(blob.fd, blob.hashed, end, (bytes) => blob.hasher.update(bytes))
  blob.hashed = Math.max(blob.hashed, end)
  return blob
}

function handle(request: HashRequest): string | undefined {
  switch (request.type) {
    case 'open':
      close(request.task)
      blobs.set(request.task, {
        fd: openSync(request.path, 'r'),
        hasher: createOidHasher(request.oid, request.size),
        hashed: 0,
      })
      return undefined
    case 'advance':
      advance(request.task, request.end)
      return undefined
    case 'finish':
      try {
        return advance(request.task, request.end).hasher.digest()
      } finally {
        close(request.task)
      }
    case 'digest':
      return digestOf(request.path, request.start, request.end)
    case 'close':
      close(request.task)
      return undefined
  }
}

self.onmessage = (event: MessageEvent<HashRequest>) => {
  const { reply } = event.data
  let answer: HashReply
  try {
    answer = { reply, digest: handle(event.data) }
  } catch (error) {
    answer = { reply, failure: error instanceof Error ? error.message : String(error) }
  }
  self.postMessage(answer)
}
