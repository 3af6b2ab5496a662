/** By what names the C library may be opened on this system, the likeliest first. */
export function libcNames(): readonly string[] {
  if (process.platform === 'darwin') return ['libSystem.B.dylib']
  if (process.platform !== 'linux') return []
  return ['libc.so.6', `libc.musl-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.so.1`]
}
