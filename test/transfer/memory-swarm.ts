import { DfhfError } from '../../src/base/errors.ts'
import { pieceDigest } from '../../src/blob/digest.ts'
import { type ByteRange, pieceCountOf, pieceRange } from '../../src/blob/pieces.ts'
import type { BlobSwarm, SwarmListener } from '../../src/swarm/client/blob-swarm.ts'
import { MemorySource, type Mischief } from './memory-source.ts'

/** A peer of a made-up swarm. */
export interface MemoryPeer {
  readonly id: string
  /** What it sends, right or wrong; it has every piece of it. */
  readonly bytes: Uint8Array
  /** The digests that it claims; none when absent. */
  readonly claims?: 'of its bytes' | 'none'
  readonly mischief?: Mischief
  /** Only these pieces; all when absent. */
  readonly pieces?: readonly number[]
}

/** Peers in memory, all there from the start. */
export class MemorySwarm implements BlobSwarm {
  readonly selfId = 'self'
  readonly banned: string[] = []
  readonly shunned: string[] = []
  readonly sources = new Map<string, MemorySource>()
  readonly #peers: Map<string, MemoryPeer>
  #listener: SwarmListener | undefined

  constructor(peers: readonly MemoryPeer[]) {
    this.#peers = new Map(peers.map((peer) => [peer.id, peer]))
    for (const { id, bytes, mischief } of peers) {
      this.sources.set(
        id,
        new MemorySource(bytes, { kind: 'peers', name: id, ...(mischief && { mischief }) }),
      )
    }
  }

  watch(listener: SwarmListener): void {
    this.#listener = listener
    for (const { id, bytes, pieces } of this.#peers.values()) {
      listener.peerJoined({ id, asksHub: false })
      listener.peerHas(id, pieces ?? Array.from({ length: pieceCountOf(bytes.length) }, (_, piece) => piece))
    }
  }

  /** Has a peer tell that it has these pieces too by now. */
  tell(peerId: string, pieces: readonly number[]): void {
    this.#listener?.peerHas(peerId, pieces)
  }

  async introduced(): Promise<void> {}

  isNeeded(): boolean {
    return false
  }

  close(): void {}

  async open(peerId: string, range: ByteRange, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const source = this.sources.get(peerId)
    if (!source || !this.#peers.has(peerId)) throw new DfhfError('not-cached', `${peerId} is gone`)
    return source.open(range, { signal })
  }

  nameOf(peerId: string): string {
    return peerId
  }

  digestOf(peerId: string, piece: number): string | undefined {
    const peer = this.#peers.get(peerId)
    if (peer?.claims !== 'of its bytes') return undefined
    const { start, end } = pieceRange(peer.bytes.length, piece)
    return pieceDigest(peer.bytes.subarray(start, end))
  }

  async collectDigests(pieces: readonly number[]): Promise<ReadonlyMap<string, ReadonlyMap<number, string>>> {
    const told = new Map<string, Map<number, string>>()
    for (const { id, bytes } of this.#peers.values()) {
      const digests = pieces.map((piece) => {
        const { start, end } = pieceRange(bytes.length, piece)
        return [piece, pieceDigest(bytes.subarray(start, end))] as const
      })
      told.set(id, new Map(digests))
    }
    return told
  }

  ban(peerId: string): void {
    this.banned.push(peerId)
    if (this.#peers.delete(peerId)) this.#listener?.peerLeft(peerId)
  }

  shun(peerId: string): void {
    this.shunned.push(peerId)
    if (this.#peers.has(peerId)) this.#listener?.peerLeft(peerId)
  }
}
