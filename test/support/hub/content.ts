import { statSync } from 'node:fs'

/** Bytes of one file that can be read anywhere without holding them all. */
export interface Content {
  readonly size: number
  /** What to remember its digest by, when the digest is dear; absent for small ones. */
  readonly digestKey?: string
  /** Fills all of `target` from `offset`. */
  read(offset: number, target: Uint8Array): void
  /** The bytes themselves where they are in memory or mapped into it; never to be written to. */
  view?(offset: number, length: number): Uint8Array
}

/** How a file is kept and what the Hub says of it. */
export interface FileOptions {
  /** Makes it LFS, or not, whatever its size. */
  readonly lfs?: boolean
  /** What the Hub wrongly states in place of the truth. */
  readonly claims?: { readonly oid?: string; readonly size?: number }
}

/** A file's content as plain data, so that it can also come as JSON; a bare string is its text. */
export type ContentSpec =
  | string
  | Uint8Array
  | (FileOptions & { readonly text: string })
  | (FileOptions & { readonly base64: string })
  | (FileOptions & { readonly bytes: Uint8Array })
  | (FileOptions & { readonly file: string })
  | (FileOptions & { readonly seed: string; readonly size: number })

/** Opens what a spec describes. */
export function openContent(spec: ContentSpec): Content {
  if (typeof spec === 'string') return bytesContent(new TextEncoder().encode(spec))
  if (spec instanceof Uint8Array) return bytesContent(spec)
  if ('text' in spec) return bytesContent(new TextEncoder().encode(spec.text))
  if ('base64' in spec) return bytesContent(Buffer.from(spec.base64, 'base64'))
  if ('bytes' in spec) return bytesContent(spec.bytes)
  if ('file' in spec) return diskContent(spec.file)
  return generatedContent(spec.seed, spec.size)
}

/** The whole content in memory; for small ones. */
export function readAll(content: Content): Uint8Array {
  const all = new Uint8Array(content.size)
  content.read(0, all)
  return all
}

function bytesContent(bytes: Uint8Array): Content {
  return {
    size: bytes.length,
    read: (offset, target) => target.set(bytes.subarray(offset, offset + target.length)),
    view: (offset, length) => bytes.subarray(offset, offset + length),
  }
}

/** Maps the file, which spares a copy of each byte: a benchmark's server must not be its bottleneck. */
function diskContent(path: string): Content {
  const { size, mtimeMs, ino } = statSync(path)
  const bytes = size === 0 ? new Uint8Array() : Bun.mmap(path)
  return { ...bytesContent(bytes), digestKey: `file:${path}:${size}:${mtimeMs}:${ino}` }
}

const blockSize = 1024 * 1024
const stampSize = 16 * 1024

/** Noise from a seed. Every 16 KiB carries its own number, so that a piece at a wrong offset never looks right. */
function generatedContent(seed: string, size: number): Content {
  const block = noiseBlock(seed, Math.min(size, blockSize))
  return {
    size,
    digestKey: `generated:${seed}:${size}`,
    read(offset, target) {
      for (let done = 0; done < target.length; ) {
        const from = (offset + done) % blockSize
        const part = block.subarray(from, from + target.length - done)
        target.set(part, done)
        done += part.length
      }
      const first = Math.floor(offset / stampSize) * stampSize
      for (let at = first; at < offset + target.length; at += stampSize) writeStamp(target, at - offset, at)
    },
  }
}

function writeStamp(target: Uint8Array, position: number, offset: number): void {
  let number = offset / stampSize + 1
  for (let byte = 0; byte < 6; byte += 1) {
    const index = position + byte
    if (index >= 0 && index < target.length) target[index] = number & 0xff
    number = Math.floor(number / 256)
  }
}

/** The first bytes of the noise of a seed: of a whole block each, 50,000 small files would fill the memory. */
function noiseBlock(seed: string, size: number): Uint8Array {
  let state = Number(Bun.hash.xxHash32(seed)) || 1
  const words = new Uint32Array(Math.ceil(size / 4))
  for (let index = 0; index < words.length; index += 1) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    words[index] = state
  }
  return new Uint8Array(words.buffer)
}
