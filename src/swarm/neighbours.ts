import type { Oid } from '../blob/oid.ts'
import { drawSome } from './membership.ts'
import { hubMembers } from './ownership.ts'
import type { PeerInfo } from './peer-info.ts'

/** How many peers one peer asks for a blob, however many it knows. */
export const MAX_NEIGHBOURS = 50

export interface NeighbourOptions {
  readonly selfId: string
  /** @default MAX_NEIGHBOURS */
  readonly limit?: number
  /** How many of the blob's top-ranked peers are always among them. @default 16 */
  readonly meetingPoints?: number
  /** 0 to below 1. */
  readonly random: () => number
}

/**
 * The peers to ask for a blob: all of them while they are few; otherwise the blob's top-ranked ones, which
 * everybody asks and where all who want the blob so meet, and some at random, which keep the swarm connected.
 */
export function pickNeighbours(oid: Oid, members: Iterable<PeerInfo>, options: NeighbourOptions): PeerInfo[] {
  const { selfId, limit = MAX_NEIGHBOURS, meetingPoints = 16, random } = options
  const others = new Map<string, PeerInfo>()
  for (const member of members) if (member.id !== selfId) others.set(member.id, member)
  if (others.size <= limit) return [...others.values()]
  const picked: PeerInfo[] = []
  for (const id of hubMembers(oid, others.keys(), Math.min(meetingPoints, limit))) {
    const member = others.get(id)
    if (member) picked.push(member)
    others.delete(id)
  }
  return [...picked, ...drawSome([...others.values()], limit - picked.length, random)]
}
