import type { Bitmap } from '../blob/bitmap.ts'

/** What is known of a peer that takes part in this blob's swarm. Times are the caller's clock, in ms. */
export interface PeerView {
  readonly id: string
  readonly have: Bitmap
  /** True for one in another zone, beyond links that are worth sparing. @default false */
  readonly isFar?: boolean | undefined
  /** Pieces that it is fetching from the Hub, and since when; changed by `PieceBoard.peerFetches` alone. */
  fetching: ReadonlyMap<number, number>
  /** When it first said that it was fetching a piece: a second claim does not let the wait begin again. */
  readonly claimedAt: Map<number, number>
  /** True when it asks the Hub itself, so that pieces can be its own. */
  asksHub: boolean
  /** When it last landed a piece or began one. */
  progressAt: number
  /** How long a piece takes it from the Hub, 0 while unknown. */
  msPerPiece: number
  /** How many ranges it may be asked for at once. */
  slots: number
  /** Its own word on how busy it is: 0 idle, 1 full. */
  load: number
  /** Bytes per ms of one range from it, 0 while unknown. */
  rate: number
  /** It asked not to be troubled before this time. */
  blockedUntil: number
  /** Leases that it serves now; counted by `PieceBoard`. */
  active: number
}
