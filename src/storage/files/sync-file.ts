import type { FileHandle } from 'node:fs/promises'
import { systemCode } from '../../base/errors.ts'

/** What a file system says that can put nothing on the medium when asked to. */
const unsupported = new Set(['EINVAL', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'])

/** Puts a file's bytes on the medium; where that is unsupported, nothing. Throws where it failed. */
export function syncFile(handle: FileHandle): Promise<void> {
  return ifSupported(handle.datasync())
}

/** What a sync comes to on file systems of which some cannot: these give what durability they give. */
export async function ifSupported(sync: Promise<void>): Promise<void> {
  try {
    await sync
  } catch (error) {
    if (!unsupported.has(systemCode(error) ?? '')) throw error
  }
}
