import type { MembershipEvent } from './peer-news.ts'

/** How often a peer that wants a blob asks others whether they live, in milliseconds. */
export const HEARTBEAT_MS = 5000
/** The same for one that has nothing to do. */
export const REST_HEARTBEAT_MS = 20_000
/** A peer is gone after this many heartbeats without a word. */
export const MISSED_HEARTBEATS = 3
/**
 * How long a peer may be silent that was not found away, in ms. A resting peer asks few others at a time and hears of
 * the rest by them: news of each of a thousand peers cross the swarm in this time.
 */
export const REST_SILENCE_MS = 9 * REST_HEARTBEAT_MS

export interface MembershipOptions {
  readonly selfId: string
  /** Peers with another fingerprint, or with one where this process has none, are of another cluster. */
  readonly clusterFingerprint: string | undefined
  /** The fingerprints that count in its place now, where the cluster may turn to another key. */
  readonly acceptedFingerprints?: (() => readonly (string | undefined)[]) | undefined
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number
  /** @default HEARTBEAT_MS */
  readonly heartbeatMs?: number
  /** How long a peer may be silent, unless it did not answer where it was found. @default MISSED_HEARTBEATS heartbeats */
  readonly silenceMs?: number
  /** How many peers are known at most, gone ones included; seeds have room of their own. @default 20000 */
  readonly maxPeers?: number
  /** How many of them may be peers that did not speak themselves yet. @default 2048 */
  readonly maxTold?: number
  /** How many such peers one address may tell of. @default 256 */
  readonly maxToldBySender?: number
  /** How many peers may answer at one address. @default 64 */
  readonly maxPeersAtAddress?: number
  readonly onEvent?: (event: MembershipEvent) => void
}

/** What is not given. */
export const membershipDefaults = {
  acceptedFingerprints: undefined,
  heartbeatMs: HEARTBEAT_MS,
  maxPeers: 20_000,
  maxTold: 2048,
  maxToldBySender: 256,
  maxPeersAtAddress: 64,
}
