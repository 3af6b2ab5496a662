import type { PeerInfo } from '../protocol/peer-info.ts'

interface Guest {
  readonly peer: PeerInfo
  readonly onArrival: () => void
}

/** The peers that watch one blob. */
class Guests {
  readonly all = new Set<Guest>()
  /** The latest first, each once; undefined since the last change. Each piece that lands asks once for each watcher. */
  #peers: readonly PeerInfo[] | undefined

  get peers(): readonly PeerInfo[] {
    if (!this.#peers) {
      const byId = new Map<string, PeerInfo>()
      for (const { peer } of this.all) byId.set(peer.id, peer)
      this.#peers = [...byId.values()].reverse()
    }
    return this.#peers
  }

  changed(): void {
    this.#peers = undefined
  }
}

/** The peers that watch each blob here: they are introduced to each other, also where this process lacks the blob. */
export class InterestedPeers {
  readonly #guests = new Map<string, Guests>()

  /** Lists `peer` among those that want the blob until the result is called; `onArrival` tells of each new one. */
  join(oid: string, peer: PeerInfo, onArrival: () => void): () => void {
    const guests = this.#guests.get(oid) ?? new Guests()
    this.#guests.set(oid, guests)
    for (const guest of guests.all) guest.onArrival()
    const self = { peer, onArrival }
    guests.all.add(self)
    guests.changed()
    return () => {
      guests.all.delete(self)
      guests.changed()
      if (guests.all.size === 0 && this.#guests.get(oid) === guests) this.#guests.delete(oid)
    }
  }

  /** The peers that want the blob, the latest first, without the one that asks. */
  membersOf(oid: string, askerId: string | undefined): PeerInfo[] {
    return this.#guests.get(oid)?.peers.filter(({ id }) => id !== askerId) ?? []
  }
}
