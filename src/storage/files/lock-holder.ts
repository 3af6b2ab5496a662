import { readFile } from 'node:fs/promises'

interface LockedFile {
  /** The inode number. */
  readonly inode: bigint
  /** The device number, as stat gives it. */
  readonly device: bigint
}

/** Who holds the flock of a file, in a few words: `python3 (pid 4711)`; `another process` where Linux does not say. */
export async function describeLockHolder(file: LockedFile): Promise<string> {
  const locks = await readFile('/proc/locks', 'utf8').catch(() => '')
  const pid = findHolder(locks, file)
  if (pid === undefined) return 'another process'
  const command = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')
  return command === '' ? `pid ${pid}` : `${command.trim()} (pid ${pid})`
}

/** The pid of the exclusive flock on `file` in the text of /proc/locks. */
export function findHolder(locks: string, file: LockedFile): number | undefined {
  let sameInode: number | undefined
  for (const line of locks.split('\n')) {
    const match = /^\d+: FLOCK\s+\S+\s+WRITE (\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) /.exec(line)
    if (!match || BigInt(match[4] ?? -1) !== file.inode) continue
    const pid = Number(match[1])
    if (pid === 0) continue
    const device = deviceNumber(Number.parseInt(match[2] ?? '', 16), Number.parseInt(match[3] ?? '', 16))
    if (device === file.device) return pid
    // Btrfs and overlay files have another device in stat than in /proc/locks.
    sameInode ??= pid
  }
  return sameInode
}

/** Glibc's makedev. */
function deviceNumber(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)]
  return (
    ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn)
  )
}
