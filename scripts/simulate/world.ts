import { Environment, type WorldOptions } from './environment.ts'
import { Introduction } from './introduction.ts'
import { SimulatedPeer } from './simulated-peer.ts'

/** The hosts, the Hub and the network between them, with one clock. */
export class World {
  readonly environment: Environment
  readonly peers: SimulatedPeer[] = []
  readonly #giveUpMs: number

  constructor(options: WorldOptions) {
    const { peers, startAt = () => 0, discoveryMs = [20, 200], giveUpMs = 600_000 } = options
    const environment = new Environment(options)
    const introduction = new Introduction(environment)
    this.environment = environment
    this.#giveUpMs = giveUpMs
    for (let n = 0; n < peers; n += 1) {
      const peer = new SimulatedPeer(environment, introduction)
      this.peers.push(peer)
      environment.queue.after(startAt(n), () => {
        peer.start()
        environment.queue.after(environment.between(discoveryMs), () => introduction.enter(peer))
      })
    }
  }

  /** Lets time pass until all of `awaited` have the blob or are dead, or the time is up. */
  run(awaited: readonly SimulatedPeer[] = this.peers): void {
    const { queue } = this.environment
    let left = awaited.length
    for (const peer of awaited) {
      peer.onEnd = () => {
        left -= 1
      }
    }
    while (left > 0 && queue.now < this.#giveUpMs && queue.runNext()) {
      // Each event does its own work.
    }
  }
}
