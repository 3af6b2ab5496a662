import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Oid } from '../../blob/oid.ts'
import type { HashFile } from '../files/hash-file.ts'
import { storeFolderOf } from './store-scan.ts'
import type { VerifiedFiles } from './verified-files.ts'

/**
 * Looks for a blob in the store of a daemon on this machine, straight on the disk. Undefined when it is not there,
 * has another size, cannot be read by this user, or does not hash to its name.
 */
export async function findStored(
  storeRoot: string,
  blob: { readonly oid: Oid; readonly size: number },
  options: { readonly verified: VerifiedFiles; readonly hashFile: HashFile; readonly signal: AbortSignal },
): Promise<string | undefined> {
  const path = join(storeFolderOf(storeRoot, blob.oid), blob.oid)
  const stats = await stat(path).catch(() => undefined)
  if (!stats?.isFile() || stats.size !== blob.size) return undefined
  try {
    return (await options.verified.verify(path, blob.oid, options.hashFile, options.signal))
      ? path
      : undefined
  } catch (error) {
    options.signal.throwIfAborted()
    if (error instanceof Error) return undefined
    throw error
  }
}
