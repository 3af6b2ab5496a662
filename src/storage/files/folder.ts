import type { Stats } from 'node:fs'
import { lstat, mkdir, open, realpath, stat } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { DfhfError } from '../../base/errors.ts'
import { onDisk, unlessMissing } from './disk-error.ts'
import { isInside } from './safe-path.ts'

/**
 * Makes `folder`, which must be `root` or below it. A link on the way is followed where the owner of `root`, this user
 * or the administrator made it: a cache may be spread over disks. From `content` on the names are a repo's, so that a
 * repo may have made the links too: there none may lead out of `content`. Throws `disk`.
 */
export async function makeFolderInside(root: string, folder: string, content?: string): Promise<void> {
  await onDisk('make the folder', folder, async () => {
    await mkdir(root, { recursive: true })
    let at = root
    for (const segment of relative(root, folder).split(sep)) {
      if (segment === '') continue
      if (segment === '..') throw new DfhfError('disk', `${folder} is not inside ${root}`)
      at = join(at, segment)
      const isContent = content !== undefined && at !== content && isInside(content, at)
      await makeOne(at, (link) => (isContent ? checkInside(content, at) : checkOwner(root, at, link)))
    }
  })
}

async function makeOne(folder: string, checkLink: (link: Stats) => Promise<void>): Promise<void> {
  try {
    await mkdir(folder)
  } catch (error) {
    const stats = await unlessMissing(lstat(folder))
    if (stats?.isDirectory()) return
    if (!stats?.isSymbolicLink()) throw error
    await checkLink(stats)
  }
}

async function checkInside(content: string, link: string): Promise<void> {
  const [inside, target] = await Promise.all([realpath(content), targetOf(link)])
  if (!isInside(inside, target)) throw refused(link, target, 'it leads out of')
}

async function checkOwner(root: string, path: string, link: Stats): Promise<void> {
  const [inside, target, owner] = await Promise.all([realpath(root), targetOf(path), stat(root)])
  if (isInside(inside, target)) return
  const trusted = [owner.uid, process.getuid?.() ?? owner.uid, 0]
  if (!trusted.includes(link.uid)) throw refused(path, target, `user ${link.uid} made it, who does not own`)
}

async function targetOf(link: string): Promise<string> {
  const target = await unlessMissing(realpath(link))
  if (target !== undefined && (await stat(target)).isDirectory()) return target
  throw new DfhfError('disk', `the link ${link} leads to no folder`, {
    hint: 'mount the disk that it leads to, or remove the link',
  })
}

function refused(link: string, target: string, why: string): DfhfError {
  return new DfhfError('disk', `refused to write through the link ${link} to ${target}: ${why} this folder`, {
    hint: 'remove the link, or choose another folder',
  })
}

/** Makes the folder that `path` stands in, with the checks of makeFolderInside. */
export function makeParentInside(root: string, path: string, content?: string): Promise<void> {
  return makeFolderInside(root, dirname(path), content)
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
