import type { Oid } from '../../blob/oid.ts'
import type { PeerInfo } from '../protocol/peer-info.ts'
import type { Bundle } from './peer-client.ts'
import { BAN_MS, type SwarmNode } from './swarm-session.ts'

/** The peers of which many small blobs may be asked for at once. */
export interface BundlePeers {
  /** Resolves when peers that are near have had the time to answer. */
  readonly searched: Promise<void>
  /** The live peers, those that are surest to be what they are said to be first. */
  live(): readonly PeerInfo[]
  /** Asks a peer for blobs, of which `wanted` has the sizes. */
  open(peer: PeerInfo, wanted: ReadonlyMap<Oid, number>, signal: AbortSignal): Promise<Bundle>
  /** Shuts out the peer that answered at a place, with a reason for the log. */
  ban(peer: PeerInfo, at: Bundle['at'], reason: string): void
  /** Takes a reason why a peer is asked for nothing more. */
  note(text: string): void
}

/** The peers that this process knows. */
export class NodeBundlePeers implements BundlePeers {
  readonly #node: SwarmNode

  constructor(node: SwarmNode) {
    this.#node = node
  }

  get searched(): Promise<void> {
    return this.#node.searched
  }

  live(): readonly PeerInfo[] {
    return this.#node.membership.live()
  }

  open(peer: PeerInfo, wanted: ReadonlyMap<Oid, number>, signal: AbortSignal): Promise<Bundle> {
    return this.#node.client.openBundle(peer, wanted, signal)
  }

  ban(peer: PeerInfo, at: Bundle['at'], reason: string): void {
    this.#node.log.warn(`peer ${peer.name} is left out for ${BAN_MS / 60_000} minutes: ${reason}`)
    this.#node.membership.ban(peer.id, reason, BAN_MS, at)
  }

  note(text: string): void {
    this.#node.log.debug(text)
  }
}
