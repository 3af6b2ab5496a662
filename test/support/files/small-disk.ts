import { afterEach } from 'bun:test'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

function mount(type: 'tmpfs' | 'ramfs', options: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'dfhf-disk-'))
  try {
    execFileSync('mount', ['-t', type, '-o', options, type, folder], { stdio: 'ignore' })
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
    unmount(mount('tmpfs', 'size=1m'))
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
  const mountNew = disks()
  return (size) => mountNew('tmpfs', `size=${size}`)
}

/** A function that mounts an empty file system that does not tell how much space is free; all go with the test. */
export function untellingDisks(): () => string {
  const mountNew = disks()
  return () => mountNew('ramfs', 'mode=755')
}

function disks(): typeof mount {
  const folders: string[] = []
  afterEach(() => {
    for (const folder of folders.splice(0)) unmount(folder)
  })
  return (type, options) => {
    const folder = mount(type, options)
    folders.push(folder)
    return folder
  }
}
