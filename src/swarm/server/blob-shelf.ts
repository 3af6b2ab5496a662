import type { Oid } from '../../blob/oid.ts'
import type { ByteRange } from '../../blob/pieces.ts'
import type { PeerInfo } from '../protocol/peer-info.ts'
import type { BlobPieces } from '../protocol/peer-wire.ts'

/** Where on the Hub a blob is; told only to peers that fetch for others. */
export interface BlobPlace {
  /** `org/name`, `datasets/org/name` or `spaces/org/name`. */
  readonly repo: string
  readonly commit: string
  readonly path: string
}

/** The peer that asks for a blob. */
export interface Asker {
  /** True when the request was signed with the cluster key. */
  readonly hasKey: boolean
  /** The IP address that the request came from. */
  readonly address: string
  readonly peer: PeerInfo | undefined
  /** Where the blob can be fetched, when the asker wants this process to fetch it. */
  readonly place: BlobPlace | undefined
}

/** One blob that this process can serve, whole or in part. A live view: what it says is true now. */
export interface SharedBlob extends BlobPieces {
  /** True where a peer is known to have the piece. @default of none is that known */
  isAtPeer?(peerId: string, piece: number): boolean
  /** Calls `listener` after every change, from the moment of this call on; returns what ends that. */
  subscribe(listener: () => void): () => void
  /**
   * The bytes of a range whose pieces are all there: a slice of a file where nothing has to look at them, which
   * the runtime sends without copying, or a stream.
   */
  open(range: ByteRange): Promise<Blob | ReadableStream<Uint8Array>>
  /** sha256 of pieces that are there; unknown ones are computed while `work` allows it, and left out otherwise. */
  digestsOf(pieces: readonly number[], work: DigestWork): Promise<ReadonlyMap<number, string>>
}

/** What may be spent on digests for one asker. */
export interface DigestWork {
  /** Takes the cost of hashing that many bytes from the asker's share; false where the share is used up. */
  readonly mayHash: (size: number) => boolean
  readonly signal: AbortSignal
}

/** How hard to look for a blob. */
export interface FindOptions {
  /** Takes what is known of the disk, without looking at it again, and begins no fetch. @default false */
  readonly isKnownOnly?: boolean
}

/** All that this process serves to peers. */
export interface BlobShelf {
  /** The blob, or undefined when it is not here or not for this asker, which must look alike. */
  find(oid: Oid, asker: Asker, options?: FindOptions): Promise<SharedBlob | undefined>
  /**
   * All bytes of a small blob that is at hand for this asker, read into what `room` gives for its size, while the thread
   * waits: some µs, where the system has them in memory. Undefined where more has to be looked at, as `find` does, and
   * where there is no room.
   */
  readNow?(oid: Oid, asker: Asker, room: (size: number) => Uint8Array | undefined): Uint8Array | undefined
  /** Calls `listener` each time a blob appears on the shelf or leaves it; returns what ends that. */
  onChange(oid: Oid, listener: () => void): () => void
}
