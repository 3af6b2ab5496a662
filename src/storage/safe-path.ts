import { join, sep } from 'node:path'
import { DfhfError, type ErrorCode } from '../base/errors.ts'

/** Most file systems' limit for one name, in bytes of UTF-8. */
const MAX_NAME_SIZE = 255

/**
 * The segments of a path that came from outside, after checking that it names a place below a root under POSIX
 * and Windows rules alike. Throws `code` for a hostile path, `disk` for a name that no file system takes.
 */
export function splitSafePath(path: string, code: ErrorCode = 'bad-response'): string[] {
  const flaw = flawOf(path)
  if (flaw !== undefined) {
    throw new DfhfError(code, `refused the path ${show(path)}: ${flaw}`, {
      hint: 'ask the owner of the repository to rename this file',
    })
  }
  const segments = path.split('/')
  for (const segment of segments) checkNameSize(segment)
  return segments
}

/** Joins a checked path below `root`, with the platform's separator. */
export function joinSafe(root: string, path: string, code: ErrorCode = 'bad-response'): string {
  return join(root, ...splitSafePath(path, code))
}

/** True when `path` is `root` or lies below it; both absolute and already resolved. */
export function isInside(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep)
}

/** Throws `disk` when `name` is longer than file systems allow. */
export function checkNameSize(name: string): void {
  const size = Buffer.byteLength(name)
  if (size > MAX_NAME_SIZE) {
    throw new DfhfError('disk', `the name ${show(name)} is too long: ${size} bytes, ${MAX_NAME_SIZE} allowed`)
  }
}

function flawOf(path: string): string | undefined {
  if (path === '') return 'it is empty'
  if (path.includes('\0')) return 'it contains a NUL'
  if (process.platform === 'win32' && path.includes('\\')) return 'it contains a backslash'
  for (const segment of path.split('/')) {
    if (segment === '') return 'it has an empty segment or is absolute'
    if (segment.startsWith('\\')) return 'a segment is absolute on Windows'
    if (/^[a-z]:/i.test(segment)) return 'a segment names a drive'
    // Windows drops trailing dots and blanks, so that `.. ` and `...` climb there.
    if (segment.split('\\').some((part) => /^\.[. ]*$/.test(part))) return 'a segment is made of dots'
  }
  return undefined
}

function show(path: string): string {
  const text = JSON.stringify(path)
  return text.length <= 100 ? text : `${text.slice(0, 97)}…"`
}
