import { drawSome } from '../../src/swarm/membership/draw-some.ts'
import type { PeerInfo } from '../../src/swarm/protocol/peer-info.ts'
import type { Environment } from './environment.ts'
import { Timer } from './event-queue.ts'
import type { Host } from './host.ts'

/** How often a host chooses anew which hosts to watch although it has heard of no newcomer, in ms. */
const REFRESH_MS = 500

/** A host that can be introduced to others. */
export interface Newcomer extends Host {
  readonly hasEnded: boolean
  /** Learns which hosts it may watch. */
  meet(members: readonly PeerInfo[]): void
  /** Hears of a host that is one of `known` by now. */
  meetNewcomer(host: Host, known: number): void
}

interface Member {
  readonly host: Newcomer
  readonly info: PeerInfo
  readonly score: number
}

/** Which hosts know each other: discovery and exchange as far as the decisions see them. */
export class Introduction {
  readonly #environment: Environment
  /** The living, highest rank first. */
  readonly #members: Member[] = []
  readonly #byId = new Map<string, Host>()
  /** How many top-ranked hosts are offered to `pickNeighbours`, with as many at random: it would drop the others. */
  readonly #offered: number
  readonly #tell = new Timer(() => this.#refreshAll())
  /** Those whom the others have not heard of yet. */
  #newcomers: Newcomer[] = []
  #version = 0

  constructor(environment: Environment) {
    this.#environment = environment
    this.#offered = 2 * environment.code.MAX_NEIGHBOURS
  }

  /** A living host. */
  find(id: string): Host | undefined {
    return this.#byId.get(id)
  }

  /** A host has found the others, and they it. */
  enter(host: Newcomer): void {
    if (host.isDead) return
    const { oid, code, queue, newsMs } = this.#environment
    const info: PeerInfo = {
      id: host.id,
      name: 'simulated',
      addresses: [],
      port: 1,
      version: '0',
      clusterFingerprint: undefined,
      role: 'download',
      fetchesForPeers: false,
      usesTls: false,
    }
    const member = { host, info, score: code.score(host.id, oid, code.MEMBER_DRAW) }
    const at = this.#members.findIndex((other) => other.score < member.score)
    this.#members.splice(at < 0 ? this.#members.length : at, 0, member)
    this.#byId.set(host.id, host)
    this.#version += 1
    this.#newcomers.push(host)
    // While all know all, a newcomer is known to all at once.
    if (this.#members.length <= code.MAX_NEIGHBOURS + 1) this.#refreshAll()
    else if (this.#tell.place < 0) queue.schedule(this.#tell, queue.now + newsMs)
    this.#refreshFrom(host, -1)
  }

  leave(host: Host): void {
    const at = this.#members.findIndex((member) => member.host === host)
    if (at >= 0) this.#members.splice(at, 1)
    this.#byId.delete(host.id)
    this.#version += 1
  }

  #refreshAll(): void {
    const newcomers = this.#newcomers
    this.#newcomers = []
    for (const { host } of this.#members) {
      this.#refresh(host)
      if (this.#members.length <= this.#environment.code.MAX_NEIGHBOURS + 1) continue
      for (const newcomer of newcomers)
        if (newcomer !== host) host.meetNewcomer(newcomer, this.#members.length)
    }
  }

  #refreshFrom(host: Newcomer, version: number): void {
    if (host.hasEnded) return
    if (version !== this.#version) this.#refresh(host)
    const seen = this.#version
    this.#environment.queue.after(REFRESH_MS, () => this.#refreshFrom(host, seen))
  }

  #refresh(host: Newcomer): void {
    if (host.hasEnded) return
    const offered = new Set(this.#members.slice(0, this.#offered))
    for (const member of drawSome(this.#members, this.#offered, this.#environment.random)) offered.add(member)
    host.meet([...offered].map(({ info }) => info))
  }
}
