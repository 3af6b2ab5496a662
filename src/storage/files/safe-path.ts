import { join, sep } from 'node:path'
import type { ErrorCode } from '../../base/error-table.ts'
import { UnusableNameError } from '../../repo/file-errors.ts'

/** Most file systems' limit for one name, in bytes of UTF-8. */
const MAX_NAME_SIZE = 255

/** Systems' limits for a whole path, in bytes; Windows has none that a repo's path could reach. */
const maxPathSizes: Partial<Record<NodeJS.Platform, number>> = { linux: 4095, darwin: 1023 }
/** What the names of notes, locks and partial files have more than the file's own, at the most. */
const SUFFIX_ROOM = 100

/**
 * The segments of a path that came from outside, after checking that it names a place below a root, and on Windows one
 * that Windows keeps apart from others. Throws UnusableNameError: `code` for such a path, `disk` for too long a name.
 */
export function splitSafePath(path: string, code: ErrorCode = 'bad-response'): string[] {
  const flaw = flawOf(path) ?? (process.platform === 'win32' ? windowsFlawOf(path) : undefined)
  if (flaw !== undefined) throw new UnusableNameError(code, `refused the path ${show(path)}: ${flaw}`)
  const segments = path.split('/')
  for (const segment of segments) checkNameSize(segment)
  return segments
}

/** Joins a checked path below `root`, with the platform's separator. */
export function joinSafe(root: string, path: string, code: ErrorCode = 'bad-response'): string {
  const joined = join(root, ...splitSafePath(path, code))
  checkPathSize(joined, path)
  return joined
}

/** True when `path` is `root` or lies below it; both absolute and already resolved. */
export function isInside(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep)
}

/** Throws `disk` when `name` is longer than file systems allow. */
export function checkNameSize(name: string): void {
  const size = Buffer.byteLength(name)
  if (size > MAX_NAME_SIZE) {
    const what = `the name ${show(name)} is too long: ${size} bytes, ${MAX_NAME_SIZE} allowed`
    throw new UnusableNameError('disk', what)
  }
}

/** Throws `disk` when a place for `path` is longer than the system allows. */
export function checkPathSize(joined: string, path: string): void {
  const allowed = (maxPathSizes[process.platform] ?? Number.POSITIVE_INFINITY) - SUFFIX_ROOM
  const size = Buffer.byteLength(joined)
  if (size > allowed) {
    const what = `the path ${show(path)} is too long: ${size} bytes with its folder, ${allowed} allowed`
    throw new UnusableNameError('disk', what)
  }
}

function flawOf(path: string): string | undefined {
  if (path === '') return 'it is empty'
  if (path.includes('\0')) return 'it contains a NUL'
  for (const segment of path.split('/')) {
    if (segment === '') return 'it has an empty segment or is absolute'
    if (segment === '.' || segment === '..') return 'a segment is made of dots'
    // Backslashes are plain characters here, but a shared cache is read on Windows, too.
    if (segment.split('\\').some((part) => part === '..')) return 'it steps up on Windows'
  }
  return undefined
}

/** What is wrong with a path on Windows beyond what is wrong with it everywhere. */
export function windowsFlawOf(path: string): string | undefined {
  if (path.includes('\\')) return 'it contains a backslash'
  for (const segment of path.split('/')) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    if (/[\u0000-\u001f<>:"|?*]/.test(segment)) return 'Windows has no such names'
    // Windows drops trailing dots and blanks, so that `.. ` and `...` climb there.
    if (/[. ]$/.test(segment)) return 'a segment ends in a dot or a blank'
    if (/^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i.test(segment)) return 'a segment names a device'
  }
  return undefined
}

function show(path: string): string {
  const text = JSON.stringify(path)
  return text.length <= 100 ? text : `${text.slice(0, 97)}…"`
}
