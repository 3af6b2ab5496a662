import type { SimulatedPeer } from './simulated-peer.ts'
import type { World } from './world.ts'

/** A story that a swarm goes through. */
export interface Scenario {
  readonly about: string
  /** When peer `n` of `count` starts, in ms; `bound` is the least that the whole swarm could need. */
  readonly startAt?: (n: number, count: number, bound: number) => number
  /** What befalls the world; returns the peers whose end is not waited for. */
  readonly befall?: (world: World, bound: number) => readonly SimulatedPeer[]
}

const SPREAD_MS = 10_000
/** 2 Mbit/s in bytes per ms. */
const SLOW_RATE = 250

export const scenarios: Readonly<Record<string, Scenario>> = {
  together: { about: 'all start at the same instant' },
  spread: {
    about: `starts spread over ${SPREAD_MS / 1000} s`,
    startAt: (n, count) => (SPREAD_MS * n) / count,
  },
  waves: {
    about: 'the second half starts when the first is done',
    startAt: (n, count, bound) => (n < count / 2 ? 0 : 2 * bound),
  },
  kill: {
    about: 'the busiest owner is killed midway',
    befall: (world, bound) => {
      world.environment.queue.after(0.4 * bound, () => busiest(world).die())
      return []
    },
  },
  cut: {
    about: 'the cable of the busiest owner is pulled midway',
    befall: (world, bound) => {
      world.environment.queue.after(0.4 * bound, () => busiest(world).fallSilent())
      return []
    },
  },
  slow: {
    about: 'one host has a link of 2 Mbit/s',
    befall: (world) => {
      const slow = world.peers.slice(0, 1)
      for (const peer of slow) {
        world.environment.network.setCapacity(peer.up, SLOW_RATE)
        world.environment.network.setCapacity(peer.down, SLOW_RATE)
      }
      return slow
    },
  },
  liar: {
    about: 'one peer claims to have everything and has nothing',
    befall: (world) => {
      const liars = world.peers.slice(0, 1)
      for (const peer of liars) peer.isLiar = true
      return liars
    },
  },
  seeded: {
    about: 'one peer has the blob from the beginning',
    befall: (world) => {
      const seeds = world.peers.slice(0, 1)
      for (const peer of seeds) peer.board.have.addAll()
      return seeds
    },
  },
}

function busiest(world: World): SimulatedPeer {
  const [first, ...others] = world.peers.filter((peer) => !peer.hasEnded)
  if (!first) throw new Error('all peers are done already')
  return others.reduce(
    (most, peer) => (peer.downloads.hubPieces > most.downloads.hubPieces ? peer : most),
    first,
  )
}
