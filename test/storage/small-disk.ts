import { afterEach } from 'bun:test'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

function mount(size: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'dfhf-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder], { stdio: 'ignore' })
  } catch (error) {
    rmdirSync(folder)
    throw error
  }
  return folder
}

function unmount(folder: string): void {
  execFileSync('umount', [folder])
  rmdirSync(folder)
}

function probe(): boolean {
  try {
    unmount(mount('1m'))
    return true
  } catch {
    process.stderr.write('the tests of full and read-only disks are skipped: mounting a tmpfs needs root\n')
    return false
  }
}

/** True where this process may mount a file system to fill it up. */
export const canMountSmallDisk = probe()

/** A function that mounts an empty file system of `size` (as `3m`); all go when the test is over. */
export function smallDisks(): (size: string) => string {
  const folders: string[] = []
  afterEach(() => {
    for (const folder of folders.splice(0)) unmount(folder)
  })
  return (size) => {
    const folder = mount(size)
    folders.push(folder)
    return folder
  }
}
