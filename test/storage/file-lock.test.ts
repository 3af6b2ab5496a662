import { describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { acquireFileLock } from '../../src/storage/files/file-lock.ts'
import { findHolder } from '../../src/storage/files/lock-holder.ts'
import { temporaryFolders } from '../support/files/temporary-folder.ts'
import { children } from './child.ts'

const temporaryFolder = temporaryFolders()
const startChild = children()
const lockChild = join(import.meta.dir, 'lock-child.ts')
const python = Bun.which('python3') ?? undefined
if (python === undefined) process.stderr.write('the tests against Python locks are skipped: no python3\n')

/** Takes the lock as Python's filelock does, says so, and holds it until a line comes in. */
const pythonLock = `
import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o664)
try:
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("refused", flush=True)
    sys.exit(0)
print("held", flush=True)
sys.stdin.readline()
`

describe('a file lock', () => {
  test('is held by one at a time in one process, and its file stays with the mode of a shared cache', async () => {
    const path = join(temporaryFolder(), 'x.lock')
    const first = await acquireFileLock(path)
    expect(first.isHeld).toBe(true)
    const second = await acquireFileLock(path, { giveUpMs: 0 })
    expect(second.isHeld).toBe(false)
    await first.release()
    await first.release()
    await using third = await acquireFileLock(path, { giveUpMs: 0 })
    expect(third.isHeld).toBe(true)
    expect(statSync(path).mode & 0o777).toBe(0o664)
  })

  test('makes another process wait, who is told of the holder and comes next', async () => {
    const path = join(temporaryFolder(), 'x.lock')
    const first = await acquireFileLock(path)
    const child = startChild(process.execPath, lockChild, path)
    const line = await child.nextLine()
    expect(line).toStartWith('waiting for ')
    if (process.platform === 'linux') expect(line).toEndWith(`(pid ${process.pid})`)
    await first.release()
    expect(await child.nextLine()).toBe('held')
    child.say('')
    expect(await child.nextLine()).toBe('released')
    expect(existsSync(path)).toBe(true)
  })

  test('is free again when its holder was killed', async () => {
    const path = join(temporaryFolder(), 'x.lock')
    const child = startChild(process.execPath, lockChild, path)
    expect(await child.nextLine()).toBe('held')
    child.kill('SIGKILL')
    await using lock = await acquireFileLock(path)
    expect(lock.isHeld).toBe(true)
  })

  test.skipIf(python === undefined)('keeps Python out, and Python keeps us out', async () => {
    const path = join(temporaryFolder(), 'x.lock')
    const ours = await acquireFileLock(path)
    expect(await startChild(python ?? '', '-c', pythonLock, path).nextLine()).toBe('refused')
    await ours.release()
    const child = startChild(python ?? '', '-c', pythonLock, path)
    expect(await child.nextLine()).toBe('held')
    const holders: string[] = []
    const waiting = acquireFileLock(path, {
      onWait: (holder) => {
        holders.push(holder)
        child.say('')
      },
    })
    await using lock = await waiting
    expect(lock.isHeld).toBe(true)
    if (process.platform === 'linux') expect(holders).toEqual([`python3 (pid ${child.pid})`])
  })

  test('ends its wait at once when the signal aborts', async () => {
    const path = join(temporaryFolder(), 'x.lock')
    await using _first = await acquireFileLock(path)
    const controller = new AbortController()
    const waiting = acquireFileLock(path, {
      signal: controller.signal,
      onWait: () => controller.abort(),
    })
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
  })

  test('that cannot be made does not stop its caller', async () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'folder'))
    for (const path of [join(folder, 'no', 'such', 'folder'), join(folder, 'folder')]) {
      await using lock = await acquireFileLock(path)
      expect(lock.isHeld).toBe(false)
    }
  })
})

describe('the holder of a lock', () => {
  const locks = [
    '1: POSIX  ADVISORY  WRITE 11 fd:00:77 0 EOF',
    '2: FLOCK  ADVISORY  READ  12 fd:00:77 0 EOF',
    '3: FLOCK  ADVISORY  WRITE 13 fd:00:177 0 EOF',
    '4: FLOCK  ADVISORY  WRITE 14 00:1c:77 0 EOF',
    '5: -> FLOCK  ADVISORY  WRITE 16 fd:00:77 0 EOF',
    '5: FLOCK  ADVISORY  WRITE 15 fd:00:77 0 EOF',
  ].join('\n')

  test('is found by inode and device', () => {
    expect(findHolder(locks, { inode: 77n, device: 0xfd00n })).toBe(15)
  })

  test('is found by inode alone where stat shows another device', () => {
    expect(findHolder(locks, { inode: 177n, device: 0x33n })).toBe(13)
  })

  test('is unknown when no line fits', () => {
    expect(findHolder(locks, { inode: 78n, device: 0xfd00n })).toBeUndefined()
    expect(findHolder('', { inode: 78n, device: 0xfd00n })).toBeUndefined()
  })
})
