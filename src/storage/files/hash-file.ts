import type { Oid } from '../../blob/oid.ts'

/**
 * Tells whether the file at `path` holds exactly the blob `oid` of `size` bytes, without blocking the main thread.
 * Given by the caller, who owns the worker.
 */
export type HashFile = (path: string, oid: Oid, size: number, signal?: AbortSignal) => Promise<boolean>
