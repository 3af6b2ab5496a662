import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { DfhfError, systemCode } from '../../base/errors.ts'
import { unlessMissing } from './disk-error.ts'

/** Does not wait for the other end of a fifo. Windows has neither flag. */
const NEVER_WAIT = constants.O_NONBLOCK ?? 0
const NO_LINK = constants.O_NOFOLLOW ?? 0

/**
 * Opens a file of dfhf's own in a folder that other users may write to: not through a link, and nothing but a plain
 * file. Throws `disk` for a fifo or a device, and the system's error for a link.
 */
export async function openPlainFile(path: string, flags: number, mode = 0o666): Promise<FileHandle> {
  const handle = await open(path, flags | NO_LINK | NEVER_WAIT, mode)
  return checked(handle, path)
}

/** Makes a new file, which is a plain one. Throws EEXIST where a file, a folder or a link of any kind stands at its name. */
export function createPlainFile(path: string, mode = 0o666): Promise<FileHandle> {
  return open(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | NO_LINK, mode)
}

/** Makes an empty file where nothing stands; changes nothing that stands there. */
export async function makeEmptyFile(path: string): Promise<void> {
  try {
    await (await createPlainFile(path)).close()
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
  }
}

/**
 * All of a small file, which may stand behind a link. Undefined when it is not there, is no plain file or has more
 * than `maxSize` bytes.
 */
export async function readPlainFile(path: string, maxSize: number): Promise<Buffer | undefined> {
  const opened = await unlessMissing(open(path, constants.O_RDONLY | NEVER_WAIT))
  if (opened === undefined) return undefined
  await using handle = opened
  const stats = await handle.stat()
  if (!stats.isFile() || stats.size > maxSize) return undefined
  // One byte more than it should have shows a file that grows.
  const bytes = Buffer.alloc(stats.size + 1)
  let length = 0
  while (length < bytes.length) {
    const { bytesRead } = await handle.read(bytes, length, bytes.length - length, length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return length > maxSize ? undefined : bytes.subarray(0, length)
}

/** Gives memory for so many bytes, or undefined where they are not wanted. */
export type Room = (size: number) => Uint8Array | undefined

/**
 * Reads all of a small file, which may stand behind a link, while the thread waits. Undefined where it cannot be read,
 * fails `isRight`, or there is no room for it; then what `room` gave holds nothing.
 */
export function readPlainFileNow(
  path: string,
  isRight: (stats: BigIntStats) => boolean,
  room: Room,
): Uint8Array | undefined {
  let file: number | undefined
  try {
    file = openSync(path, constants.O_RDONLY | NEVER_WAIT)
    const stats = fstatSync(file, { bigint: true })
    if (!stats.isFile() || !isRight(stats)) return undefined
    const bytes = room(Number(stats.size))
    return bytes && readSync(file, bytes, 0, bytes.length, 0) === bytes.length ? bytes : undefined
  } catch {
    return undefined
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

/** The same as text; undefined also where reading fails. */
export async function readPlainText(path: string, maxSize: number): Promise<string | undefined> {
  return (await readPlainFile(path, maxSize).catch(() => undefined))?.toString('utf8')
}

/** The same as a synchronous call, for the start of the program. */
export function readPlainTextSync(path: string, maxSize: number): string | undefined {
  let file: number | undefined
  try {
    file = openSync(path, constants.O_RDONLY | NEVER_WAIT)
    const stats = fstatSync(file)
    if (!stats.isFile() || stats.size > maxSize) return undefined
    const bytes = Buffer.alloc(stats.size)
    return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, 0)).toString('utf8')
  } catch {
    return undefined
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

async function checked(handle: FileHandle, path: string): Promise<FileHandle> {
  const stats = await handle.stat()
  if (stats.isFile()) return handle
  await handle.close()
  throw new DfhfError('disk', `cannot use ${path}: it is no plain file`, { hint: 'remove it' })
}
