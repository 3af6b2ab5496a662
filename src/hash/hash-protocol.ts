import type { Oid } from '../blob/oid.ts'

/** What the main thread asks of a hash worker; each request gets one reply with the same number. */
export type HashRequest = { readonly reply: number } & (
  | {
      readonly type: 'open'
      readonly task: number
      readonly path: string
      readonly oid: Oid
      readonly size: number
    }
  | { readonly type: 'advance'; readonly task: number; readonly end: number }
  | { readonly type: 'finish'; readonly task: number; readonly end: number }
  | { readonly type: 'digest'; readonly path: string; readonly start: number; readonly end: number }
  | { readonly type: 'close'; readonly task: number }
)

/** The worker's reply: a digest where one was asked for, or why it failed. */
export interface HashReply {
  readonly reply: number
  readonly digest?: string | undefined
  readonly failure?: string
}
