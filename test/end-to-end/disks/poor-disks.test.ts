import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { canMountSmallDisk } from '../../support/files/small-disk.ts'
import { hasPrograms } from '../../support/gateway/requirements.ts'
import { startTestHub } from '../../support/hub/test-hub.ts'
import { runDfhf } from '../../support/program/binary.ts'
import { cacheFaults, partialsIn } from '../../support/program/cache-check.ts'
import { failureOf } from '../../support/program/failure.ts'
import { hasHf, hfSnapshot } from '../../support/program/hf.ts'
import { newMachine } from '../../support/program/machine.ts'
import { isExact, weightsRepo } from '../../support/program/weights.ts'

setDefaultTimeout(120_000)
const size = 6_000_000
const ways = {
  cache: [],
  'cache without links': ['--no-symlinks'],
  'local dir': ['--local-dir', 'here'],
} as const

/** What file systems that are mounted over a network or through FUSE cannot do, by the system's calls. */
const lacks = {
  'second names': 'link,linkat:error=EPERM',
  'symbolic links': 'symlink,symlinkat:error=EPERM',
  'syncs (EINVAL)': 'fsync,fdatasync:error=EINVAL',
  'syncs (ENOSYS)': 'fsync,fdatasync:error=ENOSYS',
  modes: 'chmod,fchmod,fchmodat:error=EPERM',
  times: 'utimensat:error=EPERM',
  'cutting files': 'ftruncate:error=EPERM',
  'free space': 'statfs,fstatfs:error=ENOSYS',
} as const

describe.skipIf(!hasPrograms('strace')).each(Object.entries(lacks))(
  'where a file system has no %s',
  (_what, inject) => {
    test.each(Object.entries(ways))('a snapshot goes into a %s', async (_way, flags) => {
      await using hub = await startTestHub({ repos: [weightsRepo(size)] })
      using machine = newMachine(hub.url)
      const trace = ['-e', `trace=${inject.split(':')[0]}`, '-e', `inject=${inject}`]
      const prefix = ['strace', '-f', '-qq', ...trace, '-o', '/dev/null']
      for (const more of [[], ['--offline']]) {
        const result = await runDfhf(machine, ['snapshot', 'o/r', ...flags, ...more], { prefix })
        expect(result.code, result.stderr).toBe(0)
        expect(isExact(hub, join(result.stdout.trimEnd(), 'w'))).toBe(true)
      }
      expect(partialsIn(machine.folder)).toEqual([])
    })
  },
)

describe.skipIf(!hasPrograms('strace'))('a file system that cannot hold a cache', () => {
  test.each([
    [
      'takes no bytes but in order',
      'pwrite64:error=EOPNOTSUPP',
      'this file system cannot do that; choose a folder on another',
    ],
    [
      'gives no file another name',
      'rename,renameat,renameat2:error=ENOSYS',
      'this file system cannot do that',
    ],
    ['has no more for this user', 'pwrite64:error=EDQUOT', 'disk quota exceeded; free some of your quota'],
  ])('as it %s is told of in one line', async (_what, inject, words) => {
    await using hub = await startTestHub({ repos: [weightsRepo(size)] })
    using machine = newMachine(hub.url)
    const trace = ['-e', `trace=${inject.split(':')[0]}`, '-e', `inject=${inject}`]
    const prefix = ['strace', '-f', '-qq', ...trace, '-o', '/dev/null']
    expect(failureOf(await runDfhf(machine, ['snapshot', 'o/r'], { prefix }), 7)).toContain(words)
  })
})

describe('names as long as file systems take them', () => {
  const long = 'n'.repeat(255)
  const repo = {
    id: 'o/r',
    commits: [{ [long]: 'long\n', [`${'d'.repeat(255)}/${long}`]: { seed: 'x', size, lfs: true } }],
  }

  test.each(Object.entries(ways))('stand in a %s', async (_way, flags) => {
    await using hub = await startTestHub({ repos: [repo] })
    using machine = newMachine(hub.url)
    for (const more of [[], [], ['--offline']]) {
      const result = await runDfhf(machine, ['snapshot', 'o/r', ...flags, ...more])
      expect(result.code, result.stderr).toBe(0)
      expect(readFileSync(join(result.stdout.trimEnd(), long), 'utf8')).toBe('long\n')
    }
  })

  test('stand where huggingface_hub puts them', async () => {
    if (!hasHf) return
    await using hub = await startTestHub({ repos: [repo] })
    using machine = newMachine(hub.url)
    const mine = (await runDfhf(machine, ['snapshot', 'o/r', '--cache-dir', join(machine.folder, 'mine')]))
      .stdout
    const theirs = await hfSnapshot(machine, { repo_id: 'o/r', cache_dir: join(machine.folder, 'theirs') })
    expect(String(theirs).replace('theirs', 'mine')).toBe(mine.trimEnd())
  })
})

describe.skipIf(!canMountSmallDisk)('a mount', () => {
  /** Runs in a folder on which `command` has mounted something at `$M`. */
  async function onMount(command: string, work: (folder: string) => Promise<void>): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'dfhf-mount-'))
    const at = join(folder, 'm')
    const shell = (line: string) =>
      execFileSync('sh', ['-ec', line], { cwd: folder, env: { PATH: process.env.PATH ?? '', M: at } })
    try {
      shell(`mount -t tmpfs tmpfs . && cd "$PWD" && mkdir m && ${command}`)
      await work(at)
    } finally {
      shell('umount m 2>/dev/null || true')
      execFileSync('umount', [folder])
      rmSync(folder, { recursive: true })
    }
  }

  test('whose table of files is full ends it in one line, and nothing partial passes for a snapshot', async () => {
    const files = Array.from({ length: 60 }, (_, index) => [`f${index}`, `text ${index}\n`])
    await using hub = await startTestHub({ repos: [{ id: 'o/r', commits: [Object.fromEntries(files)] }] })
    using machine = newMachine(hub.url)
    await onMount('mount -t tmpfs -o size=40m,nr_inodes=70 tmpfs m', async (disk) => {
      const args = ['snapshot', 'o/r', '--cache-dir', disk]
      expect(failureOf(await runDfhf(machine, args), 7)).toContain('the disk is full')
      expect(failureOf(await runDfhf(machine, [...args, '--offline']), 3)).toContain('are not in the cache')
      expect(cacheFaults(disk)).toEqual([])
      expect(partialsIn(disk)).toEqual([])
      if (hasHf) expect(await hfSnapshot(machine, { repo_id: 'o/r', cache_dir: disk })).toContain('OSError')
    })
  })

  test('that lays a writable disk over one with a cache takes what is missing', async () => {
    const later = { ...weightsRepo(size).commits[0], more: 'more\n' }
    await using hub = await startTestHub({
      repos: [{ id: 'o/r', commits: [weightsRepo(size).commits[0] ?? {}, later] }],
    })
    using machine = newMachine(hub.url)
    const over =
      'mkdir lower upper work && mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work m'
    const folder = mkdtempSync(join(tmpdir(), 'dfhf-lower-'))
    const first = hub.repo('o/r').resolve('main')?.id ?? ''
    try {
      await runDfhf(machine, ['download', 'o/r', 'w', '--cache-dir', folder])
      const sent = hub.stats().cdn.bodyBytes
      await onMount(`${over.replace('&& mount', `&& cp -a '${folder}/.' lower && mount`)}`, async (disk) => {
        const result = await runDfhf(machine, ['snapshot', 'o/r', '--cache-dir', disk])
        expect(result.code, result.stderr).toBe(0)
        expect(result.stdout).toContain(first)
        expect(readFileSync(join(result.stdout.trimEnd(), 'more'), 'utf8')).toBe('more\n')
        expect(cacheFaults(disk)).toEqual([])
        expect(hub.stats().cdn.bodyBytes).toBe(sent)
        if (hasHf)
          expect(await hfSnapshot(machine, { repo_id: 'o/r', cache_dir: disk })).toBe(result.stdout.trimEnd())
      })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
