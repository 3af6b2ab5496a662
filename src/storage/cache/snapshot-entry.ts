import { readlink, rename, rm, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { systemCode } from '../../base/errors.ts'
import { randomSuffix } from '../files/atomic-write.ts'
import { placeBlob } from '../partial/place-blob.ts'

/** What a file system or Windows without developer mode says to a symbolic link. */
const noLinkCodes = new Set(['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL', 'UNKNOWN'])

/**
 * Makes a snapshot's entry a link with the text `target`, in place of what stood there. Temporary links are made in
 * `scratch`. False where links are not supported.
 */
export async function linkEntry(entry: string, target: string, scratch: string): Promise<boolean> {
  try {
    await symlink(target, entry)
    return true
  } catch (error) {
    const code = systemCode(error) ?? ''
    if (noLinkCodes.has(code)) return false
    if (code !== 'EEXIST') throw error
  }
  if ((await readlink(entry).catch(() => undefined)) === target) return true
  try {
    await replaceByLink(entry, target, scratch)
  } catch (error) {
    if (systemCode(error) !== 'EXDEV') throw error
    await replaceByLink(entry, target, dirname(entry))
  }
  return true
}

async function replaceByLink(entry: string, target: string, scratch: string): Promise<void> {
  const temporary = join(scratch, `tmp_${randomSuffix()}`)
  await symlink(target, temporary)
  try {
    await rename(temporary, entry)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/**
 * Where there are no links: a new blob moves into the snapshot, as huggingface_hub does it, an older one is copied,
 * since other snapshots may use it.
 */
export async function fillEntry(entry: string, blob: string, scratch: string, isNew: boolean): Promise<void> {
  if (isNew && (await isMoved(blob, entry))) return
  await placeBlob(blob, entry, { hardLink: false, scratch })
  if (isNew) await rm(blob, { force: true })
}

/** False where the two are on different disks. */
async function isMoved(blob: string, entry: string): Promise<boolean> {
  try {
    await rename(blob, entry)
    return true
  } catch (error) {
    if (systemCode(error) !== 'EXDEV') throw error
    return false
  }
}
