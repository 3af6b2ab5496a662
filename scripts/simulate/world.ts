import { type Oid, parseOid } from '../../src/blob/oid.ts'
import { pieceCountOf, pieceRange, pieceSizeOf } from '../../src/blob/pieces.ts'
import { isPeerId, type PeerId } from '../../src/swarm/protocol/peer-info.ts'
import { seededRandom } from '../../test/support/random/seeded-random.ts'
import type { DecisionCode } from './decision-code.ts'
import { EventQueue } from './event-queue.ts'
import { Introduction } from './introduction.ts'
import { Link, Network } from './network.ts'
import { SimulatedPeer } from './simulated-peer.ts'

/** What a simulated swarm is made of. Rates in bytes per ms, times in ms. */
export interface WorldOptions {
  readonly peers: number
  /** Bytes of the blob. */
  readonly size: number
  readonly hubRate: number
  /** Of each host, in each direction. */
  readonly linkRate: number
  readonly seed: number
  readonly code: DecisionCode
  /** When peer n of `peers` starts. @default all at 0 */
  readonly startAt?: (n: number) => number
  /** Between a request to the Hub and its first byte. @default 50 */
  readonly hubDelayMs?: number
  /** Until peers that started know each other, at the least and at the most. @default [20, 200] */
  readonly discoveryMs?: readonly [number, number]
  /** Round trip between two hosts, at the least and at the most. @default [0.5, 2] */
  readonly roundTripMs?: readonly [number, number]
  /** Ranges that a host sends at once. @default 32 */
  readonly uploads?: number
  /** Ranges that a host fetches from others at once. @default 24 */
  readonly peerSlots?: number
  /** How long a host that had no upload free is left alone. @default 1000 */
  readonly busyPauseMs?: number
  /** @default 10 minutes */
  readonly giveUpMs?: number
}

/** The hosts, the Hub and the network between them, with one clock. */
export class World {
  readonly options: Required<WorldOptions>
  readonly queue = new EventQueue()
  readonly network = new Network(this.queue)
  readonly random: () => number
  readonly oid: Oid
  readonly pieceCount: number
  readonly pieceSize: number
  readonly hub: Link
  readonly peers: SimulatedPeer[] = []
  readonly introduction: Introduction
  /** Bytes that the Hub sent, those of ranges that were cut included. */
  hubBytes = 0
  /** How often the Hub sent each piece whole. */
  readonly hubPieces: Uint16Array

  constructor(options: WorldOptions) {
    this.options = {
      startAt: () => 0,
      hubDelayMs: 50,
      discoveryMs: [20, 200],
      roundTripMs: [0.5, 2],
      uploads: 10,
      peerSlots: 8,
      busyPauseMs: 150,
      giveUpMs: 600_000,
      ...options,
    }
    this.random = seededRandom(options.seed)
    this.oid = parseOid(hex(this.random, 64))
    this.pieceCount = pieceCountOf(options.size)
    this.pieceSize = pieceSizeOf(options.size)
    this.hub = new Link(options.hubRate)
    this.hubPieces = new Uint16Array(this.pieceCount)
    this.introduction = new Introduction(this)
    for (let n = 0; n < options.peers; n += 1) {
      const peer = new SimulatedPeer(this, this.#drawId())
      this.peers.push(peer)
      this.queue.after(this.options.startAt(n), () => {
        peer.start()
        this.queue.after(this.between(this.options.discoveryMs), () => this.introduction.enter(peer))
      })
    }
  }

  /** Lets time pass until all of `awaited` have the blob or are dead, or the time is up. */
  run(awaited: readonly SimulatedPeer[] = this.peers): void {
    let left = awaited.length
    for (const peer of awaited) {
      peer.onEnd = () => {
        left -= 1
      }
    }
    while (left > 0 && this.queue.now < this.options.giveUpMs && this.queue.runNext()) {
      // Each event does its own work.
    }
  }

  #drawId(): PeerId {
    const id = hex(this.random, 16)
    if (!isPeerId(id)) throw new Error(`not a peer id: ${id}`)
    return id
  }

  sizeOfPiece(piece: number): number {
    const { start, end } = pieceRange(this.options.size, piece)
    return end - start
  }

  between([least, most]: readonly [number, number]): number {
    return least + (most - least) * this.random()
  }
}

function hex(random: () => number, digits: number): string {
  return Array.from({ length: digits }, () => Math.floor(16 * random()).toString(16)).join('')
}
