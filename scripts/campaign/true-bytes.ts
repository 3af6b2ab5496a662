import { createCipheriv, createHash } from 'node:crypto'

const BLOCK = 2 ** 20
const STAMP_EVERY = 4096
const WINDOW = 64
const START_MASK = 2 ** 20 - 1

/** `size` bytes of noise that follow from the seed; every 4 KiB carries its own number. */
export function noise(seed: string, size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  const block = noiseBlock(seed, Math.min(size, BLOCK))
  for (let offset = 0; offset < size; offset += BLOCK)
    bytes.set(block.subarray(0, Math.min(BLOCK, size - offset)), offset)
  const view = new DataView(bytes.buffer)
  for (let offset = 0; offset + 4 <= size; offset += STAMP_EVERY) view.setUint32(offset, offset / STAMP_EVERY)
  return bytes
}

/** AES in counter mode: the streams of a small generator are one circle, on which those of two seeds may overlap. */
function noiseBlock(seed: string, size: number): Uint8Array {
  const key = createHash('sha256').update(seed).digest()
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size))
}

/** The name of a blob: its sha256, or git's sha1 for what is not in LFS. */
export function oidOf(bytes: Uint8Array, isLfs: boolean): string {
  if (isLfs) return new Bun.CryptoHasher('sha256').update(bytes).digest('hex')
  return new Bun.CryptoHasher('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')
}

/** Recognises private bytes wherever 64 of them stand in a row. */
export class PrivateWindows {
  readonly #starts = new Set<number>()
  /** By the last bits of a start, whether there is one: a set is too slow to be asked at every byte. */
  readonly #mayStart = new Uint8Array(START_MASK + 1)
  readonly #files: Uint8Array[] = []

  /** Blobs of less than a window are too short to be told from chance. */
  add(bytes: Uint8Array): void {
    this.#files.push(bytes)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (let offset = 0; offset + WINDOW <= Math.min(bytes.length, BLOCK); offset += WINDOW)
      if (offset % STAMP_EVERY !== 0) this.#addStart(view.getUint32(offset + 8))
    if (bytes.length < 4 * WINDOW && bytes.length >= WINDOW) this.#addStart(view.getUint32(8))
  }

  /** Where in `bytes` a window of a private blob stands; undefined when none does. */
  find(bytes: Uint8Array): number | undefined {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (let at = 0; at + 4 <= bytes.length; at += 1) {
      const start = view.getUint32(at)
      if (this.#mayStart[start & START_MASK] === 0 || !this.#starts.has(start)) continue
      const window = bytes.subarray(Math.max(0, at - 8), Math.max(0, at - 8) + WINDOW)
      if (
        window.length === WINDOW &&
        this.#files.some((file) => Buffer.from(file.buffer, file.byteOffset, file.length).includes(window))
      )
        return at
    }
    return undefined
  }

  #addStart(start: number): void {
    this.#starts.add(start)
    this.#mayStart[start & START_MASK] = 1
  }
}
