import { fdatasync } from 'node:fs'
import { promisify } from 'node:util'
import { ifSupported } from './sync-file.ts'

const sync = promisify(fdatasync)

/** Puts the bytes of open files on the medium. Throws where it failed. */
export type SyncFiles = (descriptors: readonly number[]) => Promise<void>

/** All at once, so that the file system can write them together. */
export const syncEach: SyncFiles = async (descriptors) => {
  await Promise.all(descriptors.map((descriptor) => ifSupported(sync(descriptor))))
}
