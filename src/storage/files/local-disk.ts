import { statfs } from 'node:fs/promises'

/** File systems of which nothing outlives a power loss, by the numbers of Linux. */
const IN_MEMORY = [
  0x01021994, // tmpfs
  0x858458f6, // ramfs
]

/** File systems that one machine alone has mounted, by the numbers of Linux. */
const LOCAL_TYPES = new Set([
  ...IN_MEMORY,
  0xef53, // ext2, ext3, ext4
  0x58465342, // xfs
  0x9123683e, // btrfs
  0x2fc12fc1, // zfs
  0xf2f52010, // f2fs
  0xca451a4e, // bcachefs
  0x794c7630, // overlayfs
])

/** True when no other machine can write to `folder`, so that a lock of this kernel keeps out all others. */
export async function isLocalDisk(folder: string): Promise<boolean> {
  // Other systems have other numbers; there a lock that works is taken to keep out other machines too.
  if (process.platform !== 'linux') return true
  const type = await typeOf(folder)
  return type !== undefined && LOCAL_TYPES.has(type)
}

/** True for a folder in memory alone, where there is no medium to put anything on. */
export async function isInMemory(folder: string): Promise<boolean> {
  const type = process.platform === 'linux' ? await typeOf(folder) : undefined
  return type !== undefined && IN_MEMORY.includes(type)
}

async function typeOf(folder: string): Promise<number | undefined> {
  return (await statfs(folder).catch(() => undefined))?.type
}
