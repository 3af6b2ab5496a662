/** No system opens a longer one. */
const MAX_PATH = 4096

/**
 * True for a path that stays inside the folder it is put in: relative, of a bounded length, no empty, `.` or `..` part.
 * Whether a file system can store it is another question.
 */
export function isSafeRepoPath(path: string): boolean {
  if (path === '' || path.length > MAX_PATH || path.includes('\0')) return false
  return path.split(/[/\\]/).every((part) => part !== '' && part !== '.' && part !== '..')
}
