/** Who owns a file, and its permission bits. */
export interface FileAccess {
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

/** Whom a process acts as. */
export interface Identity {
  readonly uid: number
  readonly groups: readonly number[]
}

/**
 * True for a secret that others can read or change who need not. A file of another user, in a group of this process, has
 * to be readable by that group: so Kubernetes gives a Secret to a pod (root's, fsGroup, mode 0440).
 */
export function isOpenToOthers(
  { mode, uid, gid }: FileAccess,
  self: Identity = identityOfProcess(),
): boolean {
  const needsGroup = uid !== self.uid && self.groups.includes(gid)
  return (mode & (needsGroup ? 0o037 : 0o077)) !== 0
}

function identityOfProcess(): Identity {
  const { getuid, getegid, getgroups } = process
  return { uid: getuid?.() ?? -1, groups: [...(getgroups?.() ?? []), ...(getegid ? [getegid()] : [])] }
}
