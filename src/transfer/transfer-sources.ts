import { DfhfError } from '../base/errors.ts'
import type { BlobSource } from '../blob/blob-source.ts'
import type { ByteRange } from '../blob/pieces.ts'
import { HUB } from '../schedule/piece-board.ts'
import type { BlobSwarm } from '../swarm/client/blob-swarm.ts'

/** The sources of one blob's bytes, by the names that leases have for them. */
export class TransferSources {
  readonly #hub: BlobSource | undefined
  readonly #swarm: BlobSwarm | undefined

  constructor(sources: { readonly hub?: BlobSource | undefined; readonly swarm?: BlobSwarm | undefined }) {
    this.#hub = sources.hub
    this.#swarm = sources.swarm
  }

  /** Opens a range at the Hub or at a peer; the body gives exactly those bytes or throws. */
  open(source: string, range: ByteRange, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    if (source === HUB) {
      if (!this.#hub) throw new DfhfError('unexpected', 'a hub lease without a hub')
      return this.#hub.open(range, { signal })
    }
    if (!this.#swarm) throw new DfhfError('unexpected', 'a peer lease without a swarm')
    return this.#swarm.open(source, range, signal)
  }

  /** A name for people. */
  nameOf(source: string): string {
    return source === HUB ? HUB : (this.#swarm?.nameOf(source) ?? source)
  }

  /** The digest that a peer claims for a piece; undefined where it claims none. */
  claimedDigest(source: string, piece: number): string | undefined {
    return source === HUB ? undefined : this.#swarm?.digestOf(source, piece)
  }
}
