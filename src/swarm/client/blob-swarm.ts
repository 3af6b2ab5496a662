import type { ByteRange } from '../../blob/pieces.ts'

/** What the engine is told about the peers of one blob, as it happens. */
export interface SwarmListener {
  /** `isFar` for a peer beyond links that are worth sparing. */
  peerJoined(peer: { readonly id: string; readonly asksHub: boolean; readonly isFar?: boolean }): void
  peerLeft(id: string): void
  /** The peer asks the Hub for its share, but has no room for one more that hears its news. */
  peerCrowded(id: string): void
  /** The peer has these pieces now. */
  peerHas(id: string, pieces: Iterable<number>): void
  /** The peer no longer serves these pieces. */
  peerLost(id: string, pieces: readonly number[]): void
  /** Whether the peer takes its share of the missing pieces from the Hub, when that changes. */
  peerAsksHub(id: string, asksHub: boolean): void
  /** The peer is fetching exactly these pieces from the Hub now. */
  peerFetches(id: string, pieces: readonly number[]): void
  /** How busy the peer says it is, 0 to 1. */
  peerLoad(id: string, load: number): void
}

/** The peers that hold or fetch one blob, as the engine sees them. */
export interface BlobSwarm {
  /** This process's own id in the swarm. */
  readonly selfId: string
  /** Begins to look for peers and reports them until `close`. Returns at once. */
  watch(listener: SwarmListener): void
  /**
   * Resolves when the known peers have said what they have, or after a short time: a peer that has everything saves
   * the uplink, but one that is slow to say so must not delay a download.
   */
  introduced(): Promise<void>
  /** True while some peer lacks pieces that no other peer has: if this process left, that peer would ask the Hub. */
  isNeeded(): boolean
  close(): void
  /** Asks a peer for bytes; the body gives exactly those or throws. */
  open(peerId: string, range: ByteRange, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>
  /** A name for people. */
  nameOf(peerId: string): string
  /** The digest that a peer claims for a piece; undefined where it claims none. */
  digestOf(peerId: string, piece: number): string | undefined
  /** Asks all peers for digests of pieces; the result is by peer, then by piece. */
  collectDigests(
    pieces: readonly number[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, ReadonlyMap<number, string>>>
  /** Shuts a peer out for a long time, with a reason for the log; it leaves at once. */
  ban(peerId: string, reason: string): void
  /** Asks a peer that brings nothing, but does no harm, for nothing for a moment, and for longer each time. */
  shun(peerId: string, reason: string): void
}
