import { checkout } from './find-binary.ts'

/** A command before dfhf: in a mount namespace of its own an empty file system covers the project, or it does not start. */
export const withHiddenCheckout: readonly string[] = [
  'unshare',
  '-m',
  'sh',
  '-ec',
  'mount -t tmpfs tmpfs "$0"; test ! -e "$0/package.json"; exec "$@"',
  checkout,
]

/** Whether this process may hide the project from a child; where it may not that is said, and on CI it is an error. */
export function canHideCheckout(): boolean {
  const tried =
    process.platform === 'linux' &&
    Bun.spawnSync([...withHiddenCheckout, 'true'], { stderr: 'ignore' }).success
  if (tried) return true
  if (process.env.CI === 'true')
    throw new Error('the project cannot be hidden: that needs root, Linux, unshare')
  process.stderr.write('skipped: the project cannot be hidden from dfhf without root and Linux\n')
  return false
}
