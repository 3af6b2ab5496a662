import { DfhfError } from '../../src/base/errors.ts'
import type { BlobSource, SourceKind } from '../../src/blob/blob-source.ts'
import type { ByteRange } from '../../src/blob/pieces.ts'

/** What a made-up source does to one request; undefined lets it pass. */
export type Mischief = (request: {
  readonly range: ByteRange
  readonly number: number
}) => 'fail' | 'cut' | 'stall' | undefined

/** A source that gives the ranges of bytes in memory, and counts what it gave. */
export class MemorySource implements BlobSource {
  readonly kind: SourceKind
  readonly name: string
  readonly requests: ByteRange[] = []
  sent = 0
  #open = 0
  mostOpen = 0
  readonly #bytes: Uint8Array
  readonly #mischief: Mischief

  constructor(bytes: Uint8Array, options: { kind?: SourceKind; name?: string; mischief?: Mischief } = {}) {
    this.#bytes = bytes
    this.kind = options.kind ?? 'hub'
    this.name = options.name ?? this.kind
    this.#mischief = options.mischief ?? (() => undefined)
  }

  async open(
    range: ByteRange,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<AsyncIterable<Uint8Array>> {
    signal.throwIfAborted()
    this.requests.push(range)
    const mischief = this.#mischief({ range, number: this.requests.length })
    if (mischief === 'fail') throw new DfhfError('network', 'made to fail', { retryable: true })
    return this.#body(range, mischief, signal)
  }

  async *#body(
    range: ByteRange,
    mischief: 'cut' | 'stall' | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    this.#open += 1
    this.mostOpen = Math.max(this.mostOpen, this.#open)
    try {
      const end = mischief ? Math.floor((range.start + range.end) / 2) : range.end
      for (let offset = range.start; offset < end; offset += 65_536) {
        await new Promise<void>((resolve) => setImmediate(resolve))
        signal.throwIfAborted()
        const chunk = this.#bytes.subarray(offset, Math.min(end, offset + 65_536))
        this.sent += chunk.length
        yield chunk
      }
      if (mischief === 'cut') throw new DfhfError('network', 'made to break', { retryable: true })
      if (mischief === 'stall') {
        signal.throwIfAborted()
        await new Promise<void>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      }
    } finally {
      this.#open -= 1
    }
  }
}
