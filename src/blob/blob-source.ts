import type { ByteRange } from './pieces.ts'

/** Where bytes came from, as results and progress count them. */
export type SourceKind = 'hub' | 'peers' | 'local'

/** A place that can give ranges of one blob. */
export interface BlobSource {
  readonly kind: SourceKind
  /** A name for people: `hub`, or a peer's host name. */
  readonly name: string
  /**
   * Opens the bytes of `range`. The body gives exactly those bytes or throws: sources check status,
   * Content-Range and length. A chunk that is all of its buffer belongs to the reader, which may destroy it.
   * Throws DfhfError; `retryable` and `retryAfterMs` say what may be tried again.
   */
  open(range: ByteRange, options: { readonly signal: AbortSignal }): Promise<AsyncIterable<Uint8Array>>
}
