import { score } from '../../src/schedule/ownership.ts'
import { MAX_NEIGHBOURS, pickNeighbours } from '../../src/swarm/client/neighbours.ts'
import { drawSome } from '../../src/swarm/membership/draw-some.ts'
import type { PeerInfo } from '../../src/swarm/protocol/peer-info.ts'
import type { SimulatedPeer } from './simulated-peer.ts'
import type { World } from './world.ts'

/** How often a peer looks again whom to watch. */
const REFRESH_MS = 500
/** How many top-ranked peers are offered to `pickNeighbours`, with as many at random: it would drop the others. */
const OFFERED = 2 * MAX_NEIGHBOURS
/** The piece number by which members are drawn, see src/swarm/ownership.ts. */
const MEMBER_DRAW = -1

interface Member {
  readonly peer: SimulatedPeer
  readonly info: PeerInfo
  readonly score: number
}

/** Who knows whom: discovery and exchange as far as the decisions see them. */
export class Introduction {
  readonly #world: World
  /** The living, highest rank first. */
  readonly #members: Member[] = []
  readonly #byId = new Map<string, SimulatedPeer>()
  #version = 0

  constructor(world: World) {
    this.#world = world
  }

  /** A peer has found the others, and they it. */
  enter(peer: SimulatedPeer): void {
    if (peer.isDead) return
    const { oid } = this.#world
    const info: PeerInfo = {
      id: peer.id,
      name: 'simulated',
      addresses: [],
      port: 1,
      version: '0',
      clusterFingerprint: undefined,
      role: 'download',
      fetchesForPeers: false,
      usesTls: false,
    }
    const member = { peer, info, score: score(peer.id, oid, MEMBER_DRAW) }
    const at = this.#members.findIndex((other) => other.score < member.score)
    this.#members.splice(at < 0 ? this.#members.length : at, 0, member)
    this.#byId.set(peer.id, peer)
    this.#version += 1
    // While all know all, a newcomer is known to all at once.
    if (this.#members.length <= MAX_NEIGHBOURS + 1)
      for (const other of this.#members) this.#refresh(other.peer)
    this.#refreshFrom(peer, -1)
  }

  leave(peer: SimulatedPeer): void {
    const at = this.#members.findIndex((member) => member.peer === peer)
    if (at >= 0) this.#members.splice(at, 1)
    this.#byId.delete(peer.id)
    this.#version += 1
  }

  #refreshFrom(peer: SimulatedPeer, version: number): void {
    if (peer.hasEnded) return
    if (version !== this.#version) this.#refresh(peer)
    const seen = this.#version
    this.#world.queue.after(REFRESH_MS, () => this.#refreshFrom(peer, seen))
  }

  /** Draws neighbours; those that are watched already stay where the rules leave room for them. */
  #refresh(peer: SimulatedPeer): void {
    if (peer.hasEnded) return
    const { oid, random } = this.#world
    const watched = [...peer.watching.keys()]
    const offered = new Set(this.#members.slice(0, OFFERED))
    for (const member of drawSome(this.#members, OFFERED, random)) offered.add(member)
    const picked = pickNeighbours(
      oid,
      [...offered].map((member) => member.info),
      { selfId: peer.id, random },
    ).map(({ id }): string => id)
    const top = picked.slice(0, 16)
    const room = Math.max(0, MAX_NEIGHBOURS - top.length)
    const kept = watched.filter((id) => this.#byId.has(id) && !top.includes(id)).slice(0, room)
    const fresh = picked.slice(16).filter((id) => !kept.includes(id))
    const wanted = new Set([...top, ...kept, ...fresh.slice(0, room - kept.length)])
    for (const id of watched) if (!wanted.has(id) && this.#byId.has(id)) peer.unwatch(id)
    for (const id of wanted) {
      const other = this.#byId.get(id)
      if (other && !peer.watching.has(id)) peer.watch(other)
    }
  }
}
