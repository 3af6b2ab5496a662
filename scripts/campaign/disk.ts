import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'

/** A small disk of its own; unmounted when disposed. */
export interface SmallDisk extends Disposable {
  readonly folder: string
  /** Makes it larger. */
  grow(size: number): void
}

/** Mounts a disk of `size` bytes; undefined where this process may not. */
export function mountDisk(folder: string, size: number): SmallDisk | undefined {
  mkdirSync(folder, { recursive: true })
  if (!run('mount', '-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder)) return undefined
  return {
    folder,
    grow: (larger) => void run('mount', '-o', `remount,size=${larger}`, folder),
    [Symbol.dispose]: () => void run('umount', '-l', folder),
  }
}

function run(...command: readonly string[]): boolean {
  return Bun.spawnSync([...command], { stdout: 'ignore', stderr: 'ignore' }).success
}

/** Changes one byte of a cached blob in place and gives the file its old times back; false when it is not there. */
export function rotBlob(cache: string, oid: string, at: number): boolean {
  const path = findBlob(cache, oid)
  if (path === undefined) return false
  const { size, atime, mtime } = statSync(path)
  if (size === 0) return false
  const position = Math.min(size - 1, Math.floor(size * at))
  const byte = readFileSync(path)[position] ?? 0
  const file = openSync(path, 'r+')
  writeSync(file, Uint8Array.of(byte ^ 0xff), 0, 1, position)
  closeSync(file)
  utimesSync(path, atime, mtime)
  return true
}

function findBlob(cache: string, oid: string): string | undefined {
  if (!existsSync(cache)) return undefined
  const path = readdirSync(cache)
    .map((repo) => join(cache, repo, 'blobs', oid))
    .find((candidate) => existsSync(candidate))
  return path && realpathSync(path)
}

/** Writes a text file, for a later look at a failed run. */
export function keepText(folder: string, name: string, text: string): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, name), text)
}
