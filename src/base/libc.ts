import { dlopen, type FFIFunction, type Library } from 'bun:ffi'

/** Functions of the system's C library, by name; undefined where it cannot be opened or lacks one of them. */
export function openLibc<const Functions extends Record<string, FFIFunction>>(
  functions: Functions,
): Library<Functions>['symbols'] | undefined {
  for (const name of libcNames()) {
    try {
      return dlopen(name, functions).symbols
    } catch {
      // The next name may be that of this system's.
    }
  }
  return undefined
}

/** By what names it may be opened on this system, the likeliest first. */
function libcNames(): readonly string[] {
  if (process.platform === 'darwin') return ['libSystem.B.dylib']
  if (process.platform !== 'linux') return []
  return ['libc.so.6', `libc.musl-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.so.1`]
}
