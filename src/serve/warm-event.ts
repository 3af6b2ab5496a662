import type { BytesBySource } from '../transfer/transfer-event.ts'

/** One line of the reply to `POST /v1/warm`. The last is `done` or `error`. */
export type WarmEvent =
  | {
      readonly type: 'plan'
      readonly commit: string
      readonly files: number
      readonly size: number
    }
  | { readonly type: 'file-start'; readonly file: number; readonly name: string; readonly size: number }
  /** What a file has cost so far. */
  | { readonly type: 'progress'; readonly file: number; readonly bytes: BytesBySource }
  | {
      readonly type: 'file-done'
      readonly file: number
      readonly oid: string
      readonly ms: number
      readonly bytes: BytesBySource
      /** True when it was here before. */
      readonly wasHere: boolean
    }
  /** Nothing has changed, but all is well. */
  | { readonly type: 'alive' }
  | {
      readonly type: 'done'
      readonly repo: string
      readonly revision: string
      readonly commit: string
      readonly files: number
      readonly size: number
      readonly ms: number
      readonly bytes: BytesBySource
    }
  | { readonly type: 'error'; readonly error: string; readonly code: string; readonly hint?: string }
