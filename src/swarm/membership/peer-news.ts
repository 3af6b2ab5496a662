import type { PeerInfo } from '../protocol/peer-info.ts'

/** Why a peer is gone. */
export type LeaveReason = 'silent' | 'said bye' | 'banned' | 'crowded out'

/** Peers that came and went, for the log. */
export type MembershipEvent =
  /** `proven` for one that was only told of and has spoken itself now. */
  | { readonly type: 'joined' | 'back' | 'proven'; readonly peer: PeerInfo }
  | { readonly type: 'left'; readonly peer: PeerInfo; readonly reason: LeaveReason }

/**
 * `seed` for a peer that answered at an address given by hand, `direct` for one that answered elsewhere, `announced`
 * for a multicast packet, whose sender cannot be proven, and `hearsay` for what another peer told.
 */
export type PeerNews = 'seed' | 'direct' | 'announced' | 'hearsay'

/** How sure it is that a peer is what it is said to be. */
export type Standing = 'seed' | 'proven' | 'told'
