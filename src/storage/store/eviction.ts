import type { Oid } from '../../blob/oid.ts'

/** A blob that may be evicted. */
export interface EvictionCandidate {
  readonly oid: Oid
  readonly size: number
  readonly usedAtMs: number
  /** True when the bytes have another name too, so that removing this one frees no space on the disk. */
  readonly isShared: boolean
}

export interface Excess {
  /** Bytes by which the store is over its quota. */
  readonly overQuota: number
  /** Bytes by which the disk's free space is under its floor. */
  readonly underFloor: number
}

/** Which blobs to evict, least recently used first, until neither excess is left or no further blob helps. */
export function chooseVictims(
  candidates: readonly EvictionCandidate[],
  excess: Excess,
): readonly EvictionCandidate[] {
  let { overQuota, underFloor } = excess
  const victims: EvictionCandidate[] = []
  for (const candidate of [...candidates].sort((a, b) => a.usedAtMs - b.usedAtMs)) {
    const helps = candidate.size > 0 && (overQuota > 0 || (underFloor > 0 && !candidate.isShared))
    if (!helps) continue
    victims.push(candidate)
    overQuota -= candidate.size
    if (!candidate.isShared) underFloor -= candidate.size
  }
  return victims
}
