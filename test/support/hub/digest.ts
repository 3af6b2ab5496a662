import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Content } from './content.ts'

const dearFrom = 16 * 1024 * 1024
const remembered = new Map<string, string>()

/** The sha256 of a content; that of a big one is remembered in the temporary folder across processes. */
export function sha256Of(content: Content): string {
  const { digestKey } = content
  if (digestKey === undefined || content.size < dearFrom) return hash(content)
  const folder = join(tmpdir(), `dfhf-test-digests-${process.getuid?.() ?? 0}`)
  const file = join(folder, createHash('sha1').update(digestKey).digest('hex'))
  const known = remembered.get(digestKey) ?? readDigest(file)
  if (known !== undefined) return known
  const digest = hash(content)
  remembered.set(digestKey, digest)
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${file}.${process.pid}`, digest)
  renameSync(`${file}.${process.pid}`, file)
  return digest
}

/** The sha1 by which git names a blob, tree or commit. */
export function gitId(type: 'blob' | 'tree' | 'commit', bytes: Uint8Array): string {
  return createHash('sha1').update(`${type} ${bytes.length}\0`).update(bytes).digest('hex')
}

/** The text that git stores in place of an LFS file. */
export function lfsPointer(sha256: string, size: number): string {
  return `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize ${size}\n`
}

function readDigest(file: string): string | undefined {
  try {
    const text = readFileSync(file, 'utf8')
    return text.length === 64 ? text : undefined
  } catch {
    return undefined
  }
}

function hash(content: Content): string {
  const hasher = new Bun.CryptoHasher('sha256')
  const buffer = new Uint8Array(1024 * 1024)
  for (let offset = 0; offset < content.size; offset += buffer.length) {
    const part = buffer.subarray(0, Math.min(buffer.length, content.size - offset))
    content.read(offset, part)
    hasher.update(part)
  }
  return hasher.digest('hex')
}
