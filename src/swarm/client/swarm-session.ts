import { delay } from '../../base/delay.ts'
import { DfhfError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { Oid } from '../../blob/oid.ts'
import type { ByteRange } from '../../blob/pieces.ts'
import type { Membership } from '../membership/membership.ts'
import type { PeerInfo } from '../protocol/peer-info.ts'
import type { PeerLoad, PiecesMessage } from '../protocol/peer-wire.ts'
import type { BlobPlace } from '../server/blob-shelf.ts'
import type { BlobSwarm, SwarmListener } from './blob-swarm.ts'
import { type Holder, isNeeded } from './linger.ts'
import { asksNewcomer, MAX_NEIGHBOURS, MEETING_POINTS, pickNeighbours } from './neighbours.ts'
import type { PeerClient } from './peer-client.ts'
import { CrowdedPeerError } from './peer-refusal.ts'
import { RemotePieces } from './remote-pieces.ts'

/** How often the choice of neighbours is looked at again, in ms; newcomers are asked at once. */
const NEIGHBOURS_EVERY_MS = 2_000
/** How long to leave a peer alone whose stream broke, in ms; doubled up to the limit with each further failure. */
export const RETRY_MS = 500
export const LONGEST_RETRY_MS = 8_000
export const BAN_MS = 10 * 60_000
/** How long to leave a peer alone that sends nothing, in ms; doubled up to the limit each time. */
export const SHUN_MS = 5_000
export const LONGEST_SHUN_MS = 80_000
/** Pieces in one question for digests. */
const DIGESTS_AT_ONCE = 256

/** How long known peers may take to say what they have, in ms; usually over before the Hub has said where a blob is. */
const INTRODUCTION_MS = 300

/** What all swarms of a process share. */
export interface SwarmNode {
  readonly selfId: string
  readonly membership: Membership
  readonly client: PeerClient
  readonly log: Log
  /** Resolves when peers that are near have had the time to answer; at the latest within a moment after the start. */
  readonly searched: Promise<void>
  /** True for a peer beyond links that are worth sparing. @default none is */
  isFar?(peer: PeerInfo): boolean
  /** Calls `listener` whenever a peer appears, until the returned function is called. */
  onJoin(listener: (peer: PeerInfo) => void): () => void
}

/** What a swarm needs to know of its blob. */
export interface SwarmBlob {
  readonly oid: Oid
  readonly size: number
  /** Where it is on the Hub, for peers that fetch for others; undefined when that must stay private. */
  readonly place: () => Promise<BlobPlace | undefined>
}

/** The swarm of one blob: a held stream to each neighbour, and requests for ranges. */
export class SwarmSession implements BlobSwarm {
  readonly #node: SwarmNode
  readonly #oid: Oid
  readonly #size: number
  readonly #hubPlace: () => Promise<BlobPlace | undefined>
  readonly #remotes = new Map<string, { readonly peer: PeerInfo; readonly pieces: RemotePieces }>()
  readonly #watched = new Set<string>()
  readonly #streams = new Map<string, AbortController>()
  /** How often each peer was shunned, and until when, on the clock of `performance.now`. */
  readonly #shunned = new Map<string, { readonly times: number; readonly until: number }>()
  readonly #shunMs: number
  /** Peers that share the Hub and had no room for one more that hears their news. */
  readonly #crowded = new Set<string>()
  readonly #hasSpoken = new Set<string>()
  /** The peers that were there when neighbours were last looked for; undefined before the first time. */
  #known: ReadonlySet<string> | undefined
  /** Where each peer answered, and which were asked for bytes: their ids stay bound to that place, so that blame is right. */
  readonly #places = new Map<string, PeerInfo>()
  readonly #asked = new Set<string>()
  /** By peer: settled by its first message, or its first failure. */
  readonly #firstWords = new Map<string, PromiseWithResolvers<void>>()
  #listener: SwarmListener | undefined
  readonly #stop = new AbortController()

  /** `shunMs` is how long a peer is first left alone. */
  constructor(node: SwarmNode, blob: SwarmBlob, { shunMs = SHUN_MS }: { readonly shunMs?: number } = {}) {
    this.#node = node
    this.#shunMs = shunMs
    this.#oid = blob.oid
    this.#size = blob.size
    this.#hubPlace = blob.place
  }

  get selfId(): string {
    return this.#node.selfId
  }

  isNeeded(): boolean {
    const others: Holder[] = []
    for (const [id, { peer, pieces }] of this.#remotes)
      if (pieces.pieces) others.push({ id, stays: peer.role === 'serve', have: pieces.pieces })
    return isNeeded(this.#oid, this.selfId, others)
  }

  async introduced(): Promise<void> {
    const { signal } = this.#stop
    await this.#node.searched
    const words = [...this.#firstWords.values()].map(({ promise }) => promise)
    await Promise.race([Promise.all(words), delay(INTRODUCTION_MS, { signal })])
  }

  close(): void {
    this.#stop.abort()
  }

  watch(listener: SwarmListener): void {
    this.#listener = listener
    const { signal } = this.#stop
    const look = () => {
      const { membership, selfId } = this.#node
      // The meeting points of all peers are asked in any case; others only while there is room, or each look would add some.
      const limit = Math.max(MEETING_POINTS, MAX_NEIGHBOURS - this.#watched.size)
      const standingOf = (id: string) => membership.standingOf(id)
      const isFar = (peer: PeerInfo) => this.#isFar(peer)
      const options = { selfId, limit, random: Math.random, standingOf, isFar }
      const live = membership.live()
      for (const peer of pickNeighbours(this.#oid, live, options)) this.#follow(peer, listener)
      this.#meetNewcomers(live, listener)
    }
    const off = this.#node.onJoin(look)
    const timer = setInterval(look, NEIGHBOURS_EVERY_MS)
    signal.addEventListener(
      'abort',
      () => {
        off()
        clearInterval(timer)
      },
      { once: true },
    )
    look()
  }

  async open(peerId: string, range: ByteRange, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const peer = this.#remotes.get(peerId)?.peer ?? this.#node.membership.get(peerId)
    if (!peer) throw new DfhfError('not-cached', `peer ${peerId} is gone`)
    this.#asked.add(peerId)
    const asked = { range, size: this.#size, signal }
    const { body, load } = await this.#node.client.openRange(peer, this.#oid, asked)
    if (load) this.#listener?.peerLoad(peerId, shareOf(load))
    return body
  }

  nameOf(peerId: string): string {
    return this.#remotes.get(peerId)?.peer.name ?? peerId
  }

  digestOf(peerId: string, piece: number): string | undefined {
    return this.#remotes.get(peerId)?.pieces.digests.get(piece)
  }

  async collectDigests(
    pieces: readonly number[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, ReadonlyMap<number, string>>> {
    const collected = new Map<string, Map<number, string>>()
    await Promise.all(
      [...this.#remotes].map(async ([id, { peer, pieces: remote }]) => {
        const wanted = pieces.filter((piece) => remote.pieces?.has(piece))
        const digests = new Map<number, string>()
        collected.set(id, digests)
        for (let at = 0; at < wanted.length; at += DIGESTS_AT_ONCE) {
          const asked = { pieces: wanted.slice(at, at + DIGESTS_AT_ONCE), size: this.#size, signal }
          const answer = await this.#node.client.digestsOf(peer, this.#oid, asked).catch(() => undefined)
          for (const [piece, digest] of answer ?? []) digests.set(piece, digest)
        }
      }),
    )
    return collected
  }

  ban(peerId: string, reason: string): void {
    this.#node.log.warn(`peer ${this.nameOf(peerId)} is left out for ${BAN_MS / 60_000} minutes: ${reason}`)
    const { port, addresses: [host] = [] } = this.#places.get(peerId) ?? {}
    this.#node.membership.ban(peerId, reason, BAN_MS, host && port ? { host, port } : undefined)
    this.#streams.get(peerId)?.abort()
  }

  shun(peerId: string, reason: string): void {
    const times = (this.#shunned.get(peerId)?.times ?? 0) + 1
    const pause = Math.min(LONGEST_SHUN_MS, this.#shunMs * 2 ** (times - 1))
    this.#node.log.debug(`peer ${this.nameOf(peerId)} is left alone for ${pause / 1000} s: ${reason}`)
    this.#shunned.set(peerId, { times, until: performance.now() + pause })
    this.#streams.get(peerId)?.abort()
  }

  /** Asks some of the peers that have come since the last look, so that those which came early also hear from late ones. */
  #meetNewcomers(live: readonly PeerInfo[], listener: SwarmListener): void {
    const certain = live.filter(({ id }) => this.#node.membership.standingOf(id) !== 'told')
    const ids = new Set(certain.map(({ id }) => id))
    const known = this.#known ?? ids
    this.#known = ids
    for (const peer of certain) {
      if (known.has(peer.id) || this.#watched.has(peer.id)) continue
      const chance = { neighbours: this.#watched.size, known: certain.length, draw: Math.random() }
      if (asksNewcomer(chance)) this.#follow(peer, listener)
    }
  }

  /** Keeps a stream to a peer open for as long as the peer lives and is not banned. */
  #follow(peer: PeerInfo, listener: SwarmListener): void {
    const { signal } = this.#stop
    if (this.#watched.has(peer.id) || signal.aborted) return
    this.#watched.add(peer.id)
    if (!this.#firstWords.has(peer.id)) this.#firstWords.set(peer.id, Promise.withResolvers())
    this.#stay(peer, listener, signal)
      .catch(() => {})
      .finally(() => this.#watched.delete(peer.id))
  }

  async #stay(peer: PeerInfo, listener: SwarmListener, signal: AbortSignal): Promise<void> {
    const { membership } = this.#node
    for (let pause = RETRY_MS; !signal.aborted; pause = Math.min(LONGEST_RETRY_MS, 2 * pause)) {
      const current = membership.get(peer.id)
      if (!current) return
      if (await this.#visit(current, listener, signal)) pause = RETRY_MS
      const { until = 0 } = this.#shunned.get(peer.id) ?? {}
      await delay(Math.max(pause, until - performance.now()), { signal })
    }
  }

  /** Reads a peer's stream until it ends or breaks; true when at least one message came. */
  async #visit(peer: PeerInfo, listener: SwarmListener, signal: AbortSignal): Promise<boolean> {
    const stream = new AbortController()
    this.#streams.set(peer.id, stream)
    let isCrowded = false
    try {
      await this.#read(peer, listener, AbortSignal.any([signal, stream.signal]))
    } catch (error) {
      if (signal.aborted || stream.signal.aborted) return false
      isCrowded = error instanceof CrowdedPeerError
      const reason = error instanceof Error ? error.message : String(error)
      this.#node.log.debug(`stream of peer ${peer.name} ended: ${reason}`)
      if (error instanceof DfhfError && error.code === 'bad-response') this.shun(peer.id, reason)
    } finally {
      this.#streams.delete(peer.id)
      this.#firstWords.get(peer.id)?.resolve()
      if (this.#remotes.delete(peer.id) || (this.#crowded.delete(peer.id) && !isCrowded))
        listener.peerLeft(peer.id)
      if (isCrowded) {
        this.#crowded.add(peer.id)
        listener.peerCrowded(peer.id)
      }
    }
    return this.#hasSpoken.delete(peer.id)
  }

  async #read(peer: PeerInfo, listener: SwarmListener, signal: AbortSignal): Promise<void> {
    const pieces = new RemotePieces()
    const place = peer.fetchesForPeers ? await this.#hubPlace() : undefined
    const onOpen = (at: PeerInfo) => this.#settle(at)
    const watching = { signal, size: this.#size, place, onOpen }
    for await (const message of this.#node.client.watchPieces(peer, this.#oid, watching)) {
      pieces.apply(message)
      for (const member of message.members) {
        const isOurs = this.#node.membership.heard(
          member,
          'hearsay',
          0,
          this.#places.get(peer.id)?.addresses[0],
        )
        if (isOurs && this.#watched.size < MAX_NEIGHBOURS) this.#follow(member, listener)
      }
      this.#hasSpoken.add(peer.id)
      if (pieces.isLeaving) return
      if (pieces.pieces) this.#tell(peer, pieces, message, listener)
      this.#firstWords.get(peer.id)?.resolve()
    }
  }

  /**
   * Throws when the peer was asked for bytes at another place before: one of the two may be a host that only claims
   * its id, and wrong bytes of the one must not be blamed on the other.
   */
  #settle(at: PeerInfo): void {
    const before = this.#asked.has(at.id) ? this.#places.get(at.id) : undefined
    if (before && (before.port !== at.port || before.addresses[0] !== at.addresses[0]))
      throw new DfhfError('network', `peer ${at.name} answers at another address than before`)
    this.#places.set(at.id, at)
  }

  #isFar(peer: PeerInfo): boolean {
    return this.#node.isFar?.(peer) ?? false
  }

  #tell(peer: PeerInfo, pieces: RemotePieces, message: PiecesMessage, listener: SwarmListener): void {
    const isKnown = this.#remotes.has(peer.id)
    if (!isKnown || message.type === 'document') {
      this.#remotes.set(peer.id, { peer: this.#places.get(peer.id) ?? peer, pieces })
      this.#crowded.delete(peer.id)
      const isFar = this.#isFar(this.#places.get(peer.id) ?? peer)
      listener.peerJoined({ id: peer.id, asksHub: pieces.asksHub, isFar })
      listener.peerHas(peer.id, pieces.pieces ?? [])
    } else if (message.type === 'delta') {
      if (message.asksHub !== undefined) listener.peerAsksHub(peer.id, message.asksHub)
      if (message.lost.length > 0) listener.peerLost(peer.id, message.lost)
      if (message.have.length > 0) listener.peerHas(peer.id, message.have)
    }
    listener.peerFetches(peer.id, pieces.fetching)
    if (pieces.load) listener.peerLoad(peer.id, shareOf(pieces.load))
  }
}

/** 0 for a peer that sends nothing, 1 for one that sends as much as it may. */
function shareOf({ active, limit }: PeerLoad): number {
  return active / Math.max(1, limit)
}
