import { DfhfError, systemCode } from '../../base/errors.ts'
import { formatSize } from '../../base/size.ts'
import { systemReason } from '../../base/system-reason.ts'

const elsewhere = 'choose a folder on another disk, with --cache-dir or --local-dir'

const hints: Record<string, string> = {
  EACCES: 'choose a folder that you may write to, with --cache-dir or HF_HUB_CACHE',
  EDQUOT: 'free some of your quota and run the same command again',
  ENAMETOOLONG: 'choose a shorter folder with --cache-dir or --local-dir',
  ENOSYS: elsewhere,
  ENOTSUP: elsewhere,
  EOPNOTSUPP: elsewhere,
  EROFS: 'choose a folder that you may write to, with --cache-dir or HF_HUB_CACHE',
}

/**
 * The DfhfError for a failed file operation on `path`: `disk-full` for ENOSPC, else `disk`. Errors that are no
 * system errors (an abort, a DfhfError) come back as they are.
 */
export function toDiskError(error: unknown, what: string, path: string, needed?: number): unknown {
  const code = systemCode(error)
  if (error instanceof DfhfError || code === undefined) return error
  if (code === 'ENOSPC') {
    const amount = needed === undefined ? '' : `: ${formatSize(needed)} still to write`
    return new DfhfError('disk-full', `cannot ${what} ${path}, the disk is full${amount}`, {
      hint: 'free some space and run the same command again; what was verified is kept',
      cause: error,
    })
  }
  const hint = hints[code]
  return new DfhfError('disk', `cannot ${what} ${path}: ${systemReason(error)}`, {
    ...(hint === undefined ? {} : { hint }),
    cause: error,
  })
}

/** Runs a file operation and turns what it throws into a DfhfError. */
export async function onDisk<T>(what: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw toDiskError(error, what, path)
  }
}

/** The value, or undefined when nothing stands at that path; other errors pass. */
export function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  return unlessFailing(work, ['ENOENT', 'ENOTDIR'])
}

/** The value, or undefined where the system fails with one of these codes; other errors pass. */
export async function unlessFailing<T>(work: Promise<T>, codes: readonly string[]): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (codes.includes(systemCode(error) ?? '')) return undefined
    throw error
  }
}
