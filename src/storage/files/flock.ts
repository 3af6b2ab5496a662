import { FFIType, type Pointer, read } from 'bun:ffi'
import { openLibc } from '../../base/libc.ts'

/** `held`: by another descriptor. `unsupported`: this system or file system has no flock. */
export type FlockResult = 'acquired' | 'held' | 'unsupported'

const LOCK_EX = 2
const LOCK_NB = 4
const EINTR = 4
const EACCES = 13
/** EAGAIN is EWOULDBLOCK on both systems; it has another number on each. */
const EAGAIN = process.platform === 'darwin' ? 35 : 11

interface Libc {
  readonly flock: (descriptor: number, operation: number) => number
  readonly errno: () => number
}

let libc: Libc | undefined | 'unopened' = 'unopened'

/**
 * Tries to take the exclusive flock(2) of an open file without waiting. It is the lock of Python's fcntl.flock and
 * so of `filelock`; it ends with the descriptor, also when the process is killed.
 */
export function tryFlock(descriptor: number): FlockResult {
  if (libc === 'unopened') libc = openFlock()
  if (libc === undefined) return 'unsupported'
  for (;;) {
    if (libc.flock(descriptor, LOCK_EX | LOCK_NB) === 0) return 'acquired'
    const errno = libc.errno()
    if (errno === EINTR) continue
    return errno === EAGAIN || errno === EACCES ? 'held' : 'unsupported'
  }
}

/** Undefined where there is none: then the caller goes on without locks. */
function openFlock(): Libc | undefined {
  const errnoSymbol = process.platform === 'darwin' ? '__error' : '__errno_location'
  const symbols = openLibc({
    flock: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    [errnoSymbol]: { args: [], returns: FFIType.ptr },
  })
  if (!symbols) return undefined
  const errnoLocation = symbols[errnoSymbol] as () => Pointer
  const flock = symbols.flock as (descriptor: number, operation: number) => number
  return { flock, errno: () => read.i32(errnoLocation(), 0) }
}
