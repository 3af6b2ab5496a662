import { Timer } from './event-queue.ts'
import type { SimulatedPeer } from './simulated-peer.ts'
import type { World } from './world.ts'

/** Changes within this time go out as one message. */
const MERGE_MS = 1

/** Tells a peer's watchers what it has and what it fetches, as the held pieces streams do. */
export class Announcer {
  readonly watchers = new Set<SimulatedPeer>()
  readonly #world: World
  readonly #peer: SimulatedPeer
  readonly #deliver = new Timer(() => this.#deliverAll())
  #landed: number[] = []
  /** What all watchers were told last; undefined while some know more than others. */
  #fetching: string | undefined

  constructor(world: World, peer: SimulatedPeer) {
    this.#world = world
    this.#peer = peer
  }

  addWatcher(watcher: SimulatedPeer): void {
    this.watchers.add(watcher)
    this.#fetching = undefined
    this.changed()
  }

  landed(piece: number): void {
    this.#landed.push(piece)
    this.changed()
  }

  changed(): void {
    const { queue } = this.#world
    if (this.#deliver.place < 0 && this.watchers.size > 0)
      queue.schedule(this.#deliver, queue.now + MERGE_MS + this.#peer.latencyMs)
  }

  #deliverAll(): void {
    const peer = this.#peer
    const landed = this.#landed
    this.#landed = []
    if (peer.isDead || peer.isSilent) return
    const fetching = peer.scheduler.fetchingFromHub()
    const key = fetching.join()
    const news = { landed, fetching: key === this.#fetching ? undefined : fetching }
    this.#fetching = key
    if (landed.length === 0 && !news.fetching) return
    for (const watcher of this.watchers) watcher.hear(peer, news)
  }
}
