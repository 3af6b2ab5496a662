import { constants } from 'node:fs'
import { copyFile, link, realpath, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DfhfError, systemCode } from '../../base/errors.ts'
import { createOidHasher } from '../../blob/digest.ts'
import type { Oid } from '../../blob/oid.ts'
import { randomSuffix } from '../files/atomic-write.ts'
import { toDiskError } from '../files/disk-error.ts'
import { syncFolder } from '../files/folder.ts'
import type { HashFile } from '../files/hash-file.ts'
import { createPlainFile, openPlainFile } from '../files/plain-file.ts'
import { syncFile } from '../files/sync-file.ts'
import { writeFully } from './piece-journal.ts'

const COPY_CHUNK = 4 * 2 ** 20

export interface PlaceOptions {
  /** Two names for the same bytes are allowed: only where users do not edit files in place. @default true */
  readonly hardLink?: boolean | undefined
  /** A copy is on the medium before it gets its name. @default true */
  readonly durable?: boolean | undefined
  /** Where the temporary file stands; on the file system of the target. @default the target's folder */
  readonly scratch?: string | undefined
  readonly signal?: AbortSignal | undefined
  /** What the target must hold: a copy is hashed on its way. Without it the source is believed. */
  readonly expected?: { readonly oid: Oid; readonly size: number } | undefined
  /** Hashes a reflink as well; to be given where the source was not checked a moment ago. */
  readonly hashFile?: HashFile | undefined
}

/** How the bytes got there. */
export type PlacedBy = 'reflink' | 'hardlink' | 'copy'

/**
 * Puts the content of `source` at `target` at the least cost: by reflink, else hard link, else copy. The target
 * appears whole or not at all, in place of what stood there. Throws `disk-full`, `disk`, or `verification-failed` for
 * another content than expected.
 */
export async function placeBlob(
  source: string,
  target: string,
  options: PlaceOptions = {},
): Promise<PlacedBy> {
  const scratch = options.scratch ?? dirname(target)
  const temporary = join(scratch, `.${randomSuffix()}.dfhf.incomplete`)
  try {
    // A link to a link would be one to a path that is wrong from the target's folder.
    const placedBy = await fill(await realpath(source), temporary, options)
    await rename(temporary, target)
    if (options.durable !== false) await syncFolder(dirname(target))
    return placedBy
  } catch (error) {
    // A link or a mount leads from one of them to another disk.
    if (systemCode(error) === 'EXDEV' && scratch !== dirname(target)) {
      return await placeBlob(source, target, { ...options, scratch: dirname(target) })
    }
    throw toDiskError(error, 'write', target)
  } finally {
    // Gone after the rename, except where both are names of one file: then the rename did nothing.
    await rm(temporary, { force: true }).catch(() => {})
  }
}

async function fill(source: string, temporary: string, options: PlaceOptions): Promise<PlacedBy> {
  try {
    await copyFile(source, temporary, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL)
    await makePlain(temporary, options)
  } catch {
    await rm(temporary, { force: true })
    return linkOrCopy(source, temporary, options)
  }
  const { expected, hashFile, signal } = options
  if (expected && hashFile && !(await hashFile(temporary, expected.oid, expected.size, signal))) {
    throw anotherContent(source, expected.oid)
  }
  return 'reflink'
}

async function linkOrCopy(source: string, temporary: string, options: PlaceOptions): Promise<PlacedBy> {
  if (options.hardLink !== false) {
    try {
      await link(source, temporary)
      return 'hardlink'
    } catch (error) {
      if (systemCode(error) === 'ENOSPC') throw error
    }
  }
  await copy(source, temporary, options)
  return 'copy'
}

async function copy(source: string, temporary: string, options: PlaceOptions): Promise<void> {
  await using from = await openPlainFile(source, constants.O_RDONLY)
  await using to = await createPlainFile(temporary)
  const { expected } = options
  const hasher = expected && createOidHasher(expected.oid, expected.size)
  const buffer = new Uint8Array(COPY_CHUNK)
  for (let offset = 0; ; ) {
    options.signal?.throwIfAborted()
    const { bytesRead } = await from.read(buffer, 0, buffer.length, offset)
    if (bytesRead === 0) break
    hasher?.update(buffer.subarray(0, bytesRead))
    await writeFully(to, buffer.subarray(0, bytesRead), offset)
    offset += bytesRead
  }
  if (expected && hasher?.digest() !== expected.oid) throw anotherContent(source, expected.oid)
  if (options.durable !== false) await syncFile(to)
}

function anotherContent(source: string, oid: Oid): DfhfError {
  return new DfhfError('verification-failed', `${source} does not hold the blob ${oid}`, {
    hint: 'remove it and run the same command again',
  })
}

/** A clone has the mode of its source, which may be a read-only shared store. */
async function makePlain(path: string, options: PlaceOptions): Promise<void> {
  await using handle = await openPlainFile(path, constants.O_RDONLY)
  await handle.chmod(0o666 & ~process.umask())
  if (options.durable !== false) await syncFile(handle)
}
