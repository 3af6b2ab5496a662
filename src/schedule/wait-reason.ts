import { countOf } from '../base/count-of.ts'

/** What a transfer on which nothing moves is about. */
export interface Standstill {
  readonly seconds: number
  readonly phase: 'fetching' | 'checking' | 'repairing'
  /** Connections that are open, to the Hub and to peers. */
  readonly connections: number
  /** True where all of them only wait for the rate limit. */
  readonly isHeldByLimit: boolean
  /** Why the Hub is left alone for a while, in words. */
  readonly pauseReason: string | undefined
  readonly hub: 'absent' | 'held' | 'full' | 'open'
  readonly hasSwarm: boolean
}

/** Why nothing moves, in a few words for the user. */
export function waitReason(at: Standstill): string {
  const { seconds, connections, hub } = at
  if (at.phase !== 'fetching') return `checking what came for ${seconds} s`
  if (at.pauseReason !== undefined) return at.pauseReason
  if (connections > 0) {
    return at.isHeldByLimit
      ? `held back by the rate limit for ${seconds} s`
      : `no bytes for ${seconds} s on ${countOf(connections, 'connection')}`
  }
  if (hub === 'full') return `waiting for a free connection to the Hub for ${seconds} s`
  if (!at.hasSwarm) return `waiting for the Hub for ${seconds} s`
  return hub === 'held' ? `looking for peers for ${seconds} s` : `waiting for peers for ${seconds} s`
}
