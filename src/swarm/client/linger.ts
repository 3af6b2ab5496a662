import type { Bitmap } from '../../blob/bitmap.ts'
import type { Oid } from '../../blob/oid.ts'
import { hubMembers } from '../../schedule/ownership.ts'

/** How many peers that have the whole blob stay for those that do not. */
const HOSTS_AT_THE_END = 3

/** What a process stays for others after its own work: as a share of the time of that work, and in ms. */
const LINGER_SHARE = 0.25
const SHORTEST_LINGER_MS = 1_000
const LONGEST_LINGER_MS = 10_000

/** A process whose downloads have ended. Times in ms, on one clock. */
export interface Finished {
  readonly startedAt: number
  readonly endedAt: number
  /** When a peer last asked for bytes. */
  readonly askedAt: number
  /** True where peers brought one of its downloads too little, so that the Hub was asked in their place. */
  readonly hasDoubted: boolean
}

/**
 * Until when a process stays for peers that say that they need it. What they say cannot be checked, and must not double
 * the time of a download: it stays the least for peers that take nothing. Nor longer for those that take something where
 * peers have held it up: what the bound on its time leaves is spent.
 */
export function staysUntil({ startedAt, endedAt, askedAt, hasDoubted }: Finished): number {
  const shareMs = hasDoubted ? 0 : LINGER_SHARE * (endedAt - startedAt)
  const longestMs = Math.min(LONGEST_LINGER_MS, Math.max(SHORTEST_LINGER_MS, shareMs))
  return Math.min(endedAt + longestMs, Math.max(endedAt, askedAt) + SHORTEST_LINGER_MS)
}

/** What a process that could leave needs to know of a peer of a blob's swarm. */
export interface Holder {
  readonly id: string
  /** True for a daemon, which does not leave when its work is done. */
  readonly stays: boolean
  readonly have: Bitmap
}

/**
 * Whether a process that has the whole blob should stay for others: while a peer lacks a piece that no other peer
 * has, and while any peer lacks a piece and this process ranks among the few that stay to the end. If all that are
 * done left at once, each relying on the others, the last downloaders would have to ask the Hub.
 */
export function isNeeded(oid: Oid, selfId: string, others: readonly Holder[]): boolean {
  const lacking = others.filter(({ have }) => !have.isFull)
  if (lacking.length === 0) return false
  const whole = others.filter(({ have }) => have.isFull)
  if (whole.length === 0) return lacksEverywhere(lacking)
  const daemons = whole.filter(({ stays }) => stays).length
  const ids = [selfId, ...whole.flatMap(({ id, stays }) => (stays ? [] : id))]
  return hubMembers(oid, ids, Math.max(0, HOSTS_AT_THE_END - daemons)).includes(selfId)
}

/** True when some piece is missing at all of them. */
function lacksEverywhere(holders: readonly Holder[]): boolean {
  const size = holders[0]?.have.size ?? 0
  for (let piece = 0; piece < size; piece += 1) if (!holders.some(({ have }) => have.has(piece))) return true
  return false
}
