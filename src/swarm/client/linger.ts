import type { Bitmap } from '../../blob/bitmap.ts'
import type { Oid } from '../../blob/oid.ts'
import { hubMembers } from '../../schedule/ownership.ts'

/** How many that have the whole blob stay for those that do not. */
const HOSTS_AT_THE_END = 3

/** A peer of a blob's swarm, as it matters to somebody who could leave. */
export interface Holder {
  readonly id: string
  /** True for a daemon, which does not leave when its work is done. */
  readonly stays: boolean
  readonly have: Bitmap
}

/**
 * Whether a process that has the whole blob should stay for others: while somebody lacks a piece that nobody else
 * has, and while somebody lacks anything and this process ranks among the few that stay for such. All that are done
 * leaving at once, each because the others are there, would send the last ones to the Hub.
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

/** True when some piece is with none of them. */
function lacksEverywhere(holders: readonly Holder[]): boolean {
  const size = holders[0]?.have.size ?? 0
  for (let piece = 0; piece < size; piece += 1) if (!holders.some(({ have }) => have.has(piece))) return true
  return false
}
