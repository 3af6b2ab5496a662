import { systemCode } from './errors.ts'

const cannot = 'this file system cannot do that'

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EDQUOT: 'disk quota exceeded',
  EEXIST: 'something else stands there',
  EIO: 'input/output error',
  EISDIR: 'it is a folder',
  ELOOP: 'it is a symbolic link',
  EMFILE: 'too many open files',
  ENAMETOOLONG: 'name too long for this file system',
  ENOENT: 'no such file or folder',
  ENOTDIR: 'a part of the path is not a folder',
  ENOSYS: cannot,
  ENOTEMPTY: 'a folder stands there',
  ENOTSUP: cannot,
  EOPNOTSUPP: cannot,
  EPERM: 'operation not permitted',
  EROFS: 'read-only file system',
}

/** Why the system failed at a file, in words; its own code or message where there are none. */
export function systemReason(error: unknown): string {
  const code = systemCode(error)
  if (code !== undefined) return reasons[code] ?? code
  return error instanceof Error ? error.message : String(error)
}
