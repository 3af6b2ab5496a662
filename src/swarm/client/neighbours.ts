import type { Oid } from '../../blob/oid.ts'
import { hubMembers } from '../../schedule/ownership.ts'
import { drawSome } from '../membership/draw-some.ts'
import type { Standing } from '../membership/peer-news.ts'
import type { PeerInfo } from '../protocol/peer-info.ts'

/** How many peers one peer asks for a blob, however many it knows. */
export const MAX_NEIGHBOURS = 50
/** How many of a blob's top-ranked peers are always among them, as all peers ask these. */
export const MEETING_POINTS = 16
/** The same where more have come since it chose. */
export const MOST_NEIGHBOURS = 100

export interface NeighbourOptions {
  readonly selfId: string
  /** @default MAX_NEIGHBOURS */
  readonly limit?: number
  /** How many of the blob's top-ranked peers are always among them. @default MEETING_POINTS */
  readonly meetingPoints?: number
  /** 0 to below 1. */
  readonly random: () => number
  /** True for peers beyond links that are worth sparing: half of the places by chance go to the others first. @default none is */
  readonly isFar?: (peer: PeerInfo) => boolean
  /** How sure it is that each member is what it is said to be. @default all have spoken themselves */
  readonly standingOf?: (id: string) => Standing
}

/** Of the neighbours, how many may be seeds where there are more peers, and how many at one address. */
const MAX_SEEDS = 16
const MAX_AT_ADDRESS = 4

/**
 * The peers to ask for a blob: all of them while they are few; otherwise seeds, the blob's top-ranked peers, which
 * all peers ask so that those that want the blob meet there, and some at random, which keep the swarm connected. Peers
 * that were only told of come last, in the order given, and no address gets more than a few places, so that a host
 * which invents peers cannot fill them.
 */
export function pickNeighbours(oid: Oid, members: Iterable<PeerInfo>, options: NeighbourOptions): PeerInfo[] {
  const {
    selfId,
    limit = MAX_NEIGHBOURS,
    meetingPoints = MEETING_POINTS,
    random,
    isFar = () => false,
    standingOf = () => 'proven',
  } = options
  const others = new Map<string, PeerInfo>()
  for (const member of members) if (member.id !== selfId) others.set(member.id, member)
  if (others.size <= limit) return [...others.values()]
  const groups: Record<Standing, PeerInfo[]> = { seed: [], proven: [], told: [] }
  for (const member of others.values()) groups[standingOf(member.id)].push(member)
  const picked = topOf(oid, groups.seed, Math.min(MAX_SEEDS, limit))
  const pool = new Map([...groups.seed, ...spread(oid, groups.proven)].map((peer) => [peer.id, peer]))
  for (const { id } of picked) pool.delete(id)
  const take = (peers: readonly PeerInfo[]) => {
    for (const peer of peers) {
      if (picked.length === limit) return
      if (!picked.includes(peer)) picked.push(peer)
      pool.delete(peer.id)
    }
  }
  take(topOf(oid, [...pool.values()], Math.min(meetingPoints, limit - picked.length)))
  const near = [...pool.values()].filter((peer) => !isFar(peer))
  if (near.length < pool.size) take(drawSome(near, Math.ceil((limit - picked.length) / 2), random))
  take(drawSome([...pool.values()], limit - picked.length, random))
  take(spread(oid, groups.told))
  take([...groups.proven, ...groups.told])
  return picked
}

/**
 * Whether to ask a newcomer as well, with full places already: so often that, of all `known` peers, those that came late are as
 * likely to be asked as others. Without it peers would only ask those that came before them, and what the late ones have would go
 * to later ones alone. No neighbour gives way, so that a host which invents newcomers displaces none. `draw` is 0 to below 1.
 */
export function asksNewcomer(options: {
  readonly neighbours: number
  readonly known: number
  readonly draw: number
}): boolean {
  const { neighbours, known, draw } = options
  return neighbours < MOST_NEIGHBOURS && draw * known < MAX_NEIGHBOURS - MEETING_POINTS
}

function topOf(oid: Oid, peers: readonly PeerInfo[], count: number): PeerInfo[] {
  const byId = new Map<string, PeerInfo>(peers.map((peer) => [peer.id, peer]))
  return hubMembers(oid, byId.keys(), count).flatMap((id) => byId.get(id) ?? [])
}

/** Of the peers at one address the few top-ranked ones; every process leaves out the same. */
function spread(oid: Oid, peers: readonly PeerInfo[]): PeerInfo[] {
  const byAddress = new Map<string, PeerInfo[]>()
  for (const peer of peers) {
    const [address = peer.id] = peer.addresses
    const group = byAddress.get(address)
    if (group) group.push(peer)
    else byAddress.set(address, [peer])
  }
  const kept = new Set<PeerInfo>()
  for (const group of byAddress.values())
    for (const peer of group.length > MAX_AT_ADDRESS ? topOf(oid, group, MAX_AT_ADDRESS) : group)
      kept.add(peer)
  return peers.filter((peer) => kept.has(peer))
}
