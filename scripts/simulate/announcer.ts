import { GATHER_MS } from '../../src/swarm/server/pieces-stream.ts'
import { TopAskers } from '../../src/swarm/server/top-askers.ts'
import { keptPlaces } from '../../src/swarm/server/watcher-count.ts'
import { type EventQueue, Timer } from './event-queue.ts'
import type { Host, Watcher } from './host.ts'

/** Tells a host's watchers what it has and what it fetches, as the held pieces streams do. */
export class Announcer {
  readonly watchers = new Set<Watcher>()
  readonly #queue: EventQueue
  readonly #host: Host
  readonly #most: number
  readonly #top = new TopAskers()
  readonly #deliver = new Timer(() => this.#deliverAll())
  #landed: number[] = []
  /** What all watchers were told last; undefined while some know more than others. */
  #fetching: string | undefined

  /** For `most` watchers at once. */
  constructor(queue: EventQueue, host: Host, most: number) {
    this.#queue = queue
    this.#host = host
    this.#most = most
  }

  /** False when there is no room for one more. */
  addWatcher(watcher: Watcher): boolean {
    const { id, oid } = watcher
    const limit = this.#top.note(oid, id) ? this.#most : this.#most - keptPlaces(this.#most)
    if (this.watchers.size >= limit) return false
    this.watchers.add(watcher)
    this.#fetching = undefined
    this.changed()
    return true
  }

  landed(piece: number): void {
    this.#landed.push(piece)
    this.changed()
  }

  changed(): void {
    if (this.#deliver.place < 0 && this.watchers.size > 0)
      this.#queue.schedule(this.#deliver, this.#queue.now + GATHER_MS + this.#host.latencyMs)
  }

  #deliverAll(): void {
    const host = this.#host
    const landed = this.#landed
    this.#landed = []
    if (host.isDead || host.isSilent) return
    const fetching = host.fetchingFromHub()
    const key = fetching.join()
    const news = { landed, fetching: key === this.#fetching ? undefined : fetching }
    this.#fetching = key
    if (landed.length === 0 && !news.fetching) return
    for (const watcher of this.watchers) watcher.hear(host, news)
  }
}
