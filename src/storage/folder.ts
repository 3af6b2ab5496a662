import { lstat, mkdir, open, realpath } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { DfhfError, systemCode } from '../base/errors.ts'
import { onDisk, unlessMissing } from './disk-error.ts'
import { isInside } from './safe-path.ts'

/**
 * Makes `folder`, which must be `root` or below it, and checks on the way that no symbolic link leads out of `root`.
 * Throws `disk`.
 */
export async function makeFolderInside(root: string, folder: string): Promise<void> {
  await onDisk('make the folder', folder, async () => {
    await mkdir(root, { recursive: true })
    let at = root
    for (const segment of relative(root, folder).split(sep)) {
      if (segment === '') continue
      if (segment === '..') throw new DfhfError('disk', `${folder} is not inside ${root}`)
      at = join(at, segment)
      await makeOne(root, at)
    }
  })
}

async function makeOne(root: string, folder: string): Promise<void> {
  try {
    await mkdir(folder)
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
    const stats = await unlessMissing(lstat(folder))
    if (!stats?.isSymbolicLink()) return
    const [realRoot, realFolder] = await Promise.all([realpath(root), realpath(folder)])
    if (isInside(realRoot, realFolder)) return
    throw new DfhfError('disk', `refused to write through the link ${folder}: it leads to ${realFolder}`, {
      hint: 'remove the link, or choose another folder',
    })
  }
}

/** Makes the folder that `path` stands in, with the checks of makeFolderInside. */
export function makeParentInside(root: string, path: string): Promise<void> {
  return makeFolderInside(root, dirname(path))
}

/** Puts a folder's entries on the disk, so that a rename survives a power loss; where that is unsupported, nothing. */
export async function syncFolder(folder: string): Promise<void> {
  try {
    await using handle = await open(folder, 'r')
    await handle.sync()
  } catch {
    // Windows and some network file systems cannot sync a folder; they give what durability they give.
  }
}
