import { createHash, hash } from 'node:crypto'
import { isSha256, type Oid } from './oid.ts'

/** A running hash over a blob's bytes, given in order. */
export interface Hasher {
  update(bytes: Uint8Array): void
  /** The digest in lower-case hex; ends the hasher. */
  digest(): string
}

/** The hasher whose digest must equal `oid` once all `size` bytes of the blob have passed through it. */
export function createOidHasher(oid: Oid, size: number): Hasher {
  const hash = isSha256(oid) ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`)
  return {
    update(bytes) {
      hash.update(bytes)
    },
    digest: () => hash.digest('hex'),
  }
}

/** What a blob with these bytes is called, where its name is of the same kind as `like`. */
export function oidOf(bytes: Uint8Array, like: Oid): string {
  if (isSha256(like)) return hash('sha256', bytes)
  const hasher = createOidHasher(like, bytes.length)
  hasher.update(bytes)
  return hasher.digest()
}

/** The sha256 of one piece, in lower-case hex. */
export function pieceDigest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
