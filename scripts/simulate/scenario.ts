import { Link } from './network.ts'
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
const RACK = 10

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
  minority: {
    about: 'three of ten hosts have a tenth of the link',
    befall: (world) => {
      const slow = world.peers.filter((_, n) => n % 10 < 3)
      for (const { up, down } of slow)
        for (const link of [up, down])
          world.environment.network.setCapacity(link, world.environment.linkRate / 10)
      return slow
    },
  },
  racks: {
    about: `racks of ${RACK} hosts, each behind a link like that of one host`,
    befall: ({ environment, peers }) => {
      const { linkRate } = environment
      const racks = Array.from({ length: Math.ceil(peers.length / RACK) }, () => ({
        up: new Link(linkRate),
        down: new Link(linkRate),
      }))
      for (const [n, peer] of peers.entries()) peer.rack = racks[n % racks.length]
      return []
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
