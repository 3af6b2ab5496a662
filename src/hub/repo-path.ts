import { DfhfError } from '../base/errors.ts'

/** No system opens a longer one. */
const MAX_PATH = 4096

/** True for a path that stays inside the folder it is put in, on every system: relative, of a bounded length, no empty, `.` or `..` part. */
export function isSafeRepoPath(path: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (path === '' || path.length > MAX_PATH || /[\u0000-\u001f\u007f]/.test(path) || /^[A-Za-z]:/.test(path))
    return false
  return path.split(/[/\\]/).every((part) => part !== '' && part !== '.' && part !== '..')
}

/** Checks a file's path that came from the Hub. */
export function checkListedPath(path: string): string {
  if (isSafeRepoPath(path)) return path
  throw new DfhfError('bad-response', `the Hub lists an unsafe path: ${JSON.stringify(path.slice(0, 120))}`)
}
