import { rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { onDisk } from '../files/disk-error.ts'
import type { SharedSync } from '../files/shared-sync.ts'
import { syncFile } from '../files/sync-file.ts'
import { createPartial } from './claim-partial.ts'
import { writeFully } from './piece-journal.ts'

/** A blob that is whole in memory and was checked there, and where it goes. */
export interface WholeBlob {
  readonly bytes: Uint8Array
  /** The existing folder of the file until it has its name, on the same file system as that. */
  readonly folder: string
  /** How the name in `folder` begins. */
  readonly stem: string
  readonly finalPath: string
}

/**
 * Gives a blob its final name, in place of what stood there: written, then on the medium, then named. `sync` is left out
 * where a power loss may cost the file. Throws `disk-full` or `disk`, and leaves nothing then.
 */
export async function writeWhole(blob: WholeBlob, sync: SharedSync | undefined): Promise<void> {
  const { folder, stem, finalPath } = blob
  await onDisk('write', finalPath, async () => {
    const { handle, path } = await createPartial(folder, stem)
    try {
      await writeFully(handle, blob.bytes, 0)
      if (sync) await syncFile(handle)
      await rename(path, finalPath)
    } catch (error) {
      await rm(path, { force: true }).catch(() => {})
      throw error
    } finally {
      await handle.close()
    }
  })
  await sync?.sync(dirname(finalPath))
}
