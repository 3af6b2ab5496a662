import type { Oid } from '../blob/oid.ts'

/** What the main thread asks of a hash worker; each request gets one reply with the same number. */
export type HashRequest = { readonly reply: number } & (
  | {
      readonly type: 'open'
      readonly task: number
      readonly path: string
      readonly oid: Oid
      readonly size: number
      /** Whether the sums of its pieces are wanted as well. */
      readonly withSums: boolean
    }
  | { readonly type: 'advance'; readonly task: number; readonly end: number }
  | { readonly type: 'finish'; readonly task: number; readonly end: number }
  | { readonly type: 'digest'; readonly path: string; readonly start: number; readonly end: number }
  | { readonly type: 'close'; readonly task: number }
)

/** What a request brought. */
export interface HashAnswer {
  /** Where one was asked for. */
  readonly digest?: string | undefined
  /** By piece, where they were asked for; see PieceSums. */
  readonly sums?: ReadonlyMap<number, number> | undefined
}

/** The worker's reply: an answer, or why it failed. */
export interface HashReply extends HashAnswer {
  readonly reply: number
  readonly failure?: string
}
