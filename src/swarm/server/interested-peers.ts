import type { PeerInfo } from '../protocol/peer-info.ts'

interface Guest {
  readonly peer: PeerInfo
  readonly onArrival: () => void
}

/** The peers that watch each blob here: they are introduced to each other, also where this process lacks the blob. */
export class InterestedPeers {
  readonly #guests = new Map<string, Set<Guest>>()

  /** Lists `peer` among those that want the blob until the result is called; `onArrival` tells of each new one. */
  join(oid: string, peer: PeerInfo, onArrival: () => void): () => void {
    const guests = this.#guests.get(oid) ?? new Set()
    this.#guests.set(oid, guests)
    for (const guest of guests) guest.onArrival()
    const self = { peer, onArrival }
    guests.add(self)
    return () => {
      guests.delete(self)
      if (guests.size === 0 && this.#guests.get(oid) === guests) this.#guests.delete(oid)
    }
  }

  /** The peers that want the blob, the latest first, without the one that asks. */
  membersOf(oid: string, askerId: string | undefined): PeerInfo[] {
    const members = new Map<string, PeerInfo>()
    for (const { peer } of this.#guests.get(oid) ?? []) if (peer.id !== askerId) members.set(peer.id, peer)
    return [...members.values()].reverse()
  }
}
