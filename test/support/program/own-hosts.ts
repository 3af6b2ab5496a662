/** Dfhf sees the file at `path` as this machine's list of hosts: a mount namespace of its own covers the true one. */
export function withHosts(path: string): readonly string[] {
  return ['unshare', '-m', 'sh', '-ec', 'mount --bind "$0" /etc/hosts; exec "$@"', path]
}

/** Whether a child can be given a list of hosts of its own; where it cannot that is said, and on CI it is an error. */
export function canHaveOwnHosts(): boolean {
  const tried =
    process.platform === 'linux' &&
    Bun.spawnSync([...withHosts('/etc/hosts'), 'true'], { stderr: 'ignore' }).success
  if (tried) return true
  if (process.env.CI === 'true')
    throw new Error('no list of hosts can be put in place: that needs root, Linux, unshare')
  process.stderr.write('skipped: a list of hosts of its own needs root and Linux\n')
  return false
}
