import { createHash } from 'node:crypto'
import { BoundedMap } from '../base/bounded-map.ts'
import type { LocatedBlob } from '../peer/located-blob.ts'

const MAX_URLS = 20_000

/**
 * Which blob stands at which address, as far as the Hub has said. Two addresses that differ only in ignored parameters
 * count as one, since the Hub signs an address anew each time.
 */
export class KnownUrls {
  readonly #ignored: ReadonlySet<string>
  readonly #blobs = new BoundedMap<string, LocatedBlob>(MAX_URLS)

  constructor(ignoredParameters: readonly string[]) {
    this.#ignored = new Set(ignoredParameters.map((name) => name.toLowerCase()))
  }

  /** The same for all addresses that count as one. */
  keyOf(url: URL): string {
    const query = [...url.searchParams].filter(([name]) => !this.#ignored.has(name.toLowerCase()))
    return `${url.host}${url.pathname}?${new URLSearchParams(query)}`
  }

  learn(address: string, blob: LocatedBlob): void {
    if (!URL.canParse(address)) return
    const { oid, size, repo, commit, path } = blob
    this.#blobs.set(digestOf(this.keyOf(new URL(address))), { oid, size, repo, commit, path })
  }

  find(url: URL): LocatedBlob | undefined {
    return this.#blobs.get(digestOf(this.keyOf(url)))
  }

  forget(url: URL): void {
    this.#blobs.delete(digestOf(this.keyOf(url)))
  }
}

/** Shortens keys: a signed address has a kilobyte, and there may be thousands. */
function digestOf(key: string): string {
  return createHash('sha256').update(key).digest('base64')
}
