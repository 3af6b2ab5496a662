import { type Oid, parseOid } from '../../src/blob/oid.ts'
import { pieceCountOf, pieceRange, pieceSizeOf } from '../../src/blob/pieces.ts'
import { isPeerId, type PeerId } from '../../src/swarm/protocol/peer-info.ts'
import { seededRandom } from '../../test/support/random/seeded-random.ts'
import type { DecisionCode } from './decision-code.ts'
import { EventQueue } from './event-queue.ts'
import { Link, Network } from './network.ts'

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
  /** How long peers need to find each other, at the least and at the most. @default [20, 200] */
  readonly discoveryMs?: readonly [number, number]
  /** Until all others know of a host that was found. @default 20, as PeerNode tells of newcomers */
  readonly newsMs?: number | undefined
  /** Round trip between two hosts, at the least and at the most. @default [0.5, 2] */
  readonly roundTripMs?: readonly [number, number]
  /** Ranges that a host sends at once. @default UPLOADS */
  readonly uploads?: number | undefined
  /** Ranges that a host fetches from others at once. @default PEER_SLOTS */
  readonly peerSlots?: number | undefined
  /** How long a host that had no upload free is left alone. @default BUSY_PEER_PAUSE_MS */
  readonly busyPauseMs?: number | undefined
  /** Hosts that may listen to one host's news at once. @default WATCHERS */
  readonly watchers?: number | undefined
  /** @default 10 minutes */
  readonly giveUpMs?: number
}

/** What all simulated hosts share: the clock, the network, the Hub, the blob, and what it has cost so far. */
export class Environment {
  readonly code: DecisionCode
  readonly queue = new EventQueue()
  readonly network = new Network(this.queue)
  readonly random: () => number
  readonly oid: Oid
  readonly size: number
  readonly pieceCount: number
  readonly pieceSize: number
  readonly hub: Link
  readonly linkRate: number
  readonly hubDelayMs: number
  readonly roundTripMs: readonly [number, number]
  readonly newsMs: number
  readonly uploads: number
  readonly peerSlots: number
  readonly busyPauseMs: number
  readonly watchers: number
  /** Bytes that the Hub sent, those of ranges that were cut included. */
  hubBytes = 0
  /** Bytes that crossed from one rack to another. */
  farBytes = 0
  /** How often the Hub sent each piece whole. */
  readonly hubPieces: Uint16Array

  constructor(options: WorldOptions) {
    const { code, size, hubDelayMs = 50, roundTripMs = [0.5, 2] } = options
    this.code = code
    this.random = seededRandom(options.seed)
    this.oid = parseOid(hex(this.random, 64))
    this.size = size
    this.pieceCount = pieceCountOf(size)
    this.pieceSize = pieceSizeOf(size)
    this.hub = new Link(options.hubRate)
    this.linkRate = options.linkRate
    this.hubDelayMs = hubDelayMs
    this.roundTripMs = roundTripMs
    this.newsMs = options.newsMs ?? 20
    this.uploads = options.uploads ?? code.UPLOADS
    this.peerSlots = options.peerSlots ?? code.PEER_SLOTS
    this.busyPauseMs = options.busyPauseMs ?? code.BUSY_PEER_PAUSE_MS
    this.watchers = options.watchers ?? code.WATCHERS
    this.hubPieces = new Uint16Array(this.pieceCount)
  }

  sizeOfPiece(piece: number): number {
    const { start, end } = pieceRange(this.size, piece)
    return end - start
  }

  between([least, most]: readonly [number, number]): number {
    return least + (most - least) * this.random()
  }

  drawId(): PeerId {
    const id = hex(this.random, 16)
    if (!isPeerId(id)) throw new Error(`not a peer id: ${id}`)
    return id
  }
}

function hex(random: () => number, digits: number): string {
  return Array.from({ length: digits }, () => Math.floor(16 * random()).toString(16)).join('')
}
