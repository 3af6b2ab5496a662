import type { Oid } from '../../src/blob/oid.ts'
import { LONGEST_RETRY_MS, LONGEST_SHUN_MS, RETRY_MS, SHUN_MS } from '../../src/swarm/client/swarm-session.ts'
import type { PeerId, PeerInfo } from '../../src/swarm/protocol/peer-info.ts'
import type { Environment } from './environment.ts'
import { Timer } from './event-queue.ts'
import type { Host, News, Watcher } from './host.ts'
import type { Rack } from './network.ts'

/** A host that is watched, or will be again. */
interface Followed {
  readonly host: Host
  readonly visit: Timer
  isWatched: boolean
  /** How long to wait after the stream breaks or is refused the next time. */
  pauseMs: number
  shuns: number
  shunnedUntil: number
}

/** A host that hears the news of its neighbours. */
export interface Neighbour {
  readonly id: PeerId
  joined(host: Host): void
  /** The host has no room for one more that hears its news. */
  crowded(host: Host): void
  hear(host: Host, news: News): void
  left(host: Host): void
}

/** Which hosts one host watches and when it tries again, as SwarmSession does in real time. */
export class Neighbourhood implements Watcher {
  readonly #environment: Environment
  readonly #self: Neighbour
  readonly #followed = new Map<string, Followed>()
  #isClosed = false

  constructor(environment: Environment, self: Neighbour) {
    this.#environment = environment
    this.#self = self
  }

  get id(): PeerId {
    return this.#self.id
  }

  get oid(): Oid {
    return this.#environment.oid
  }

  /** A host that is watched now. */
  find(id: string): Host | undefined {
    const followed = this.#followed.get(id)
    return followed?.isWatched ? followed.host : undefined
  }

  /** Follows some of the known hosts. */
  choose(members: readonly PeerInfo[], hostOf: (id: string) => Host | undefined, rack?: Rack): void {
    const { code, oid, random } = this.#environment
    const limit = Math.max(code.MEETING_POINTS, code.MAX_NEIGHBOURS - this.#followed.size)
    const picked = code.pickNeighbours(oid, members, {
      selfId: this.#self.id,
      limit,
      random,
      isFar: ({ id }) => rack !== undefined && hostOf(id)?.rack !== rack,
    })
    for (const { id } of picked) {
      const host = this.#followed.has(id) ? undefined : hostOf(id)
      if (host) this.#follow(host)
    }
  }

  /** Hears of a host that is one of `known` by now. */
  meetNewcomer(host: Host, known: number): void {
    const { code, random } = this.#environment
    if (this.#isClosed || this.#followed.has(host.id)) return
    if (code.asksNewcomer({ neighbours: this.#followed.size, known, draw: random() })) this.#follow(host)
  }

  hear(host: Host, news: News): void {
    this.#self.hear(host, news)
  }

  /** A host's stream broke by itself. */
  lost(host: Host): void {
    const followed = this.#followed.get(host.id)
    if (!followed?.isWatched) return
    followed.pauseMs = RETRY_MS
    this.#leave(followed)
  }

  /** Leaves a host alone for a while. */
  shun(id: string): void {
    const followed = this.#followed.get(id)
    if (!followed) return
    followed.shuns += 1
    const pauseMs = Math.min(LONGEST_SHUN_MS, SHUN_MS * 2 ** (followed.shuns - 1))
    followed.shunnedUntil = this.#environment.queue.now + pauseMs
    this.#leave(followed)
  }

  /** Watches no host any more. */
  close(): void {
    this.#isClosed = true
    for (const followed of this.#followed.values()) this.#leave(followed)
    this.#followed.clear()
  }

  #follow(host: Host): void {
    const followed: Followed = {
      host,
      visit: new Timer(() => this.#visit(followed)),
      isWatched: false,
      pauseMs: RETRY_MS,
      shuns: 0,
      shunnedUntil: 0,
    }
    this.#followed.set(host.id, followed)
    this.#visit(followed)
  }

  #visit(followed: Followed): void {
    const { host } = followed
    if (host.isDead) {
      this.#followed.delete(host.id)
      return
    }
    followed.isWatched = host.addWatcher(this)
    if (followed.isWatched) {
      this.#self.joined(host)
      return
    }
    if (host.asksHub) this.#self.crowded(host)
    this.#visitLater(followed)
  }

  #leave(followed: Followed): void {
    if (followed.isWatched) {
      followed.isWatched = false
      followed.host.removeWatcher(this)
      this.#self.left(followed.host)
    }
    this.#visitLater(followed)
  }

  #visitLater(followed: Followed): void {
    const { queue } = this.#environment
    queue.cancel(followed.visit)
    if (this.#isClosed) return
    queue.schedule(followed.visit, Math.max(queue.now + followed.pauseMs, followed.shunnedUntil))
    followed.pauseMs = Math.min(LONGEST_RETRY_MS, 2 * followed.pauseMs)
  }
}
