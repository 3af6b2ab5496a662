import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Commit, isCommit } from '../../blob/oid.ts'
import { writeFileAtomically } from '../files/atomic-write.ts'
import { onDisk, unlessMissing } from '../files/disk-error.ts'
import { readPlainText } from '../files/plain-file.ts'
import { isInside } from '../files/safe-path.ts'

/** A ref holds a commit; some tools end the line. */
const MAX_REF_SIZE = 4096

/** The commit that a ref's file holds. */
export async function readRefFile(path: string): Promise<Commit | undefined> {
  const commit = (await readPlainText(path, MAX_REF_SIZE))?.trim() ?? ''
  return isCommit(commit) ? commit : undefined
}

/**
 * Writes a ref's file below `refs`, after `makeParent` has made its folder. False where another revision's name is in
 * the way: `dev` and `dev/x` cannot both be files.
 */
export async function writeRefFile(
  refs: string,
  path: string,
  commit: Commit,
  makeParent: (path: string) => Promise<void>,
): Promise<boolean> {
  if ((await readRefFile(path)) === commit) return true
  if (await isTaken(refs, path)) return false
  await makeParent(path)
  await onDisk('write', path, () => writeFileAtomically(path, commit))
  return true
}

/** True where a folder stands at `path`, or a file in the place of a folder above it. */
async function isTaken(refs: string, path: string): Promise<boolean> {
  const at = await unlessMissing(stat(path))
  if (at !== undefined) return at.isDirectory()
  for (let folder = dirname(path); isInside(refs, folder); folder = dirname(folder)) {
    const stats = await unlessMissing(stat(folder))
    if (stats !== undefined) return !stats.isDirectory()
  }
  return false
}
