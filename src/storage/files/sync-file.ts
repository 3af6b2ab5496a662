import type { FileHandle } from 'node:fs/promises'
import { systemCode } from '../../base/errors.ts'

/** What a file system says that can put nothing on the medium when asked to. */
const unsupported = new Set(['EINVAL', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'])

/** Puts a file's bytes on the medium; where that is unsupported, nothing. Throws where it failed. */
export async function syncFile(handle: FileHandle): Promise<void> {
  try {
    await handle.datasync()
  } catch (error) {
    // Some network file systems cannot; they give what durability they give.
    if (!unsupported.has(systemCode(error) ?? '')) throw error
  }
}
