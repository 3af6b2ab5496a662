import type { ErrorCode } from '../base/error-table.ts'
import { DfhfError, isAbort } from '../base/errors.ts'
import type { SourceKind } from '../blob/blob-source.ts'
import type { Oid } from '../blob/oid.ts'

/** Bytes by where they came from. */
export type BytesBySource = Readonly<Record<SourceKind, number>>

/** The outcome of one file, as `--json` prints it. */
export interface FileResult {
  readonly path: string
  readonly repo: string
  readonly revision: string
  readonly commit: string
  readonly oid: string
  readonly size: number
  readonly ms: number
  readonly bytes: BytesBySource
  /** True when the content was hashed against the oid in this run; false when it was found in the cache. */
  readonly verified: boolean
}

/** All that the terminal, the JSON output, the metrics and the status page know of a transfer. */
export type TransferEvent =
  /**
   * How many files and bytes a snapshot has and how much must be fetched: of all that is listed so far, until the list is
   * whole.
   */
  | {
      readonly type: 'plan'
      readonly files: number
      readonly size: number
      readonly missingFiles: number
      readonly missingSize: number
      readonly isWhole: boolean
    }
  /** A file begins; `present` bytes of it are already on disk. `id` is unique among the files of this run. */
  | {
      readonly type: 'file-start'
      readonly id: number
      readonly name: string
      readonly size: number
      readonly present: number
    }
  /** Bytes arrived for a file. */
  | {
      readonly type: 'bytes'
      readonly id: number
      readonly count: number
      readonly kind: SourceKind
      readonly source: string
    }
  /** A piece is whole and in the file, `ms` after its first request or the piece before it on the same connection. */
  | {
      readonly type: 'piece'
      readonly id: number
      readonly piece: number
      readonly kind: SourceKind
      readonly ms: number
    }
  /** Bytes that had arrived are given up (a cut range, a wrong piece): progress goes back by `count`. */
  | { readonly type: 'bytes-lost'; readonly id: number; readonly count: number; readonly kind: SourceKind }
  /** How many connections work for a file now. */
  | { readonly type: 'connections'; readonly id: number; readonly hub: number; readonly peers: number }
  /** A piece has another digest than its sender claims, or a whole blob another hash than its oid. */
  | { readonly type: 'wrong-bytes'; readonly id: number; readonly of: 'piece' | 'blob' }
  /** A file waits, and why in a few words; undefined when it goes on. */
  | { readonly type: 'wait'; readonly id: number; readonly reason: string | undefined }
  /** A range failed and will be tried again. */
  | {
      readonly type: 'retry'
      readonly id: number
      readonly source: string
      readonly reason: string
      readonly delayMs: number
    }
  /** The transfer of one blob ended well; one log line is made of it. */
  | {
      readonly type: 'task-done'
      readonly id: number
      readonly oid: Oid
      readonly ms: number
      readonly bytes: BytesBySource
      readonly pieces: number
      readonly retries: number
    }
  /** A file is complete under its final name. */
  | { readonly type: 'file-done'; readonly id: number; readonly result: FileResult }
  /** A file failed; the error itself is thrown as well. */
  | {
      readonly type: 'file-failed'
      readonly id: number
      readonly reason: string
      /** `cancelled` where no client wants it any more. */
      readonly code?: ErrorCode | 'cancelled'
    }
  /** Something that the user should know once. */
  | { readonly type: 'notice'; readonly text: string }

/** Receives events as they happen; must not throw and must not block. */
export type EventSink = (event: TransferEvent) => void

/** The event of a file that an error ended. */
export function fileFailed(id: number, error: unknown): TransferEvent {
  return {
    type: 'file-failed',
    id,
    reason: error instanceof Error ? error.message : String(error),
    ...(error instanceof DfhfError && { code: error.code }),
    ...(isAbort(error) && { code: 'cancelled' }),
  }
}
