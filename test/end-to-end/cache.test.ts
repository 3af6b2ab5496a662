import { expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { mkdir, open, readFile, realpath, symlink, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { startTestHub } from '../support/hub/test-hub.ts'
import { runDfhf } from '../support/program/binary.ts'
import { type Machine, newMachine } from '../support/program/machine.ts'
import { oidOf } from '../support/program/weights.ts'

setDefaultTimeout(60_000)
const size = 12_000_000
const repo = { id: 'o/m', commits: [{ w: { seed: 'w', size, lfs: true }, 'config.json': '{}' }] }

const sha256 = async (path: string) =>
  new Bun.CryptoHasher('sha256').update(await readFile(path)).digest('hex')

/** A byte of a file turned over where its time of writing does not show it. */
async function rot(path: string): Promise<void> {
  await using handle = await open(path, 'r+')
  await handle.write(Uint8Array.of(0xff, 0x00, 0xff), 0, 3, 5_000_000)
}

async function stored(machine: Machine, name: string, bytes: string): Promise<string> {
  const path = join(machine.folder, 'hf/dfhf/store', name.slice(0, 2), name)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, bytes)
  return path
}

const old = (path: string) => utimes(path, 1_000_000, 1_000_000)

test('cache ls tells repos, revisions and blobs of cache and store', async () => {
  await using hub = await startTestHub({ repos: [repo] })
  using machine = newMachine(hub.url)
  const empty = await runDfhf(machine, ['cache', 'ls'])
  expect([empty.code, empty.stdout]).toEqual([0, expect.stringContaining('0 repos')])
  expect((await runDfhf(machine, ['snapshot', 'o/m'])).code).toBe(0)
  await stored(machine, 'e'.repeat(64), 'some bytes')
  const { code, stdout } = await runDfhf(machine, ['cache', 'ls', '--json'])
  expect(code).toBe(0)
  const { cache, store } = JSON.parse(stdout)
  expect(cache.repos).toMatchObject([
    { repo: 'o/m', size: size + 2, revisions: [{ refs: ['main'], files: 2 }] },
  ])
  expect(cache.repos[0].blobs).toHaveLength(2)
  expect(store.blobs).toMatchObject([{ oid: 'e'.repeat(64), size: 10 }])
  expect((await runDfhf(machine, ['cache', 'ls'])).stdout).toMatch(/o\/m +\w{12} main +2 files +12\.0 MB/)
})

test('cache verify finds wrong blobs and puts them right', async () => {
  await using hub = await startTestHub({ repos: [repo] })
  using machine = newMachine(hub.url)
  const path = (await runDfhf(machine, ['download', 'o/m', 'w'])).stdout.trim()
  const good = await runDfhf(machine, ['cache', 'verify', 'o/m'])
  expect([good.code, good.stdout]).toEqual([0, expect.stringContaining('1 blob (12.0 MB) read, 0 wrong')])
  await rot(await realpath(path))
  const wrongInStore = await stored(machine, 'f'.repeat(64), 'other bytes')
  const found = await runDfhf(machine, ['cache', 'verify', '--json'])
  expect(found.code).toBe(5)
  const { checked, wrong } = JSON.parse(found.stdout)
  expect([checked, wrong.length]).toEqual([2, 2])
  expect(await sha256(path)).not.toBe(oidOf(hub, 'w', 'o/m'))

  const repaired = await runDfhf(machine, ['cache', 'verify', '--repair'])
  expect([repaired.code, repaired.stdout]).toEqual([0, expect.stringMatching(/fetched anew\n.*removed\n/s)])
  expect(await sha256(path)).toBe(oidOf(hub, 'w', 'o/m'))
  expect(existsSync(wrongInStore)).toBe(false)
  expect((await runDfhf(machine, ['cache', 'verify'])).code).toBe(0)
})

test('a wrong blob stays as it is where the right one cannot be had', async () => {
  await using hub = await startTestHub({ repos: [repo] })
  using machine = newMachine(hub.url)
  const path = (await runDfhf(machine, ['download', 'o/m', 'w'])).stdout.trim()
  await rot(await realpath(path))
  const before = await sha256(path)
  const { code, stdout } = await runDfhf(machine, ['cache', 'verify', '--repair', '--offline'])
  expect([code, stdout]).toEqual([5, expect.stringContaining('not repaired')])
  expect(await sha256(path)).toBe(before)
})

test('cache prune removes leftovers and the store past its quota, and of the cache only what it is asked to', async () => {
  await using hub = await startTestHub({ repos: [repo] })
  using machine = newMachine(hub.url)
  const path = (await runDfhf(machine, ['download', 'o/m', 'w'])).stdout.trim()
  const blobs = dirname(await realpath(path))
  const leftover = join(blobs, `${'a'.repeat(64)}.dfhf.incomplete`)
  const foreign = join(blobs, `${'a'.repeat(64)}.incomplete`)
  const unreferenced = join(blobs, 'b'.repeat(64))
  for (const each of [leftover, foreign, unreferenced]) await writeFile(each, 'x')
  for (const each of [leftover, foreign, unreferenced]) await old(each)
  const first = await stored(machine, '1'.repeat(64), 'the older')
  await old(first)
  const second = await stored(machine, '2'.repeat(64), 'the newer')
  const outside = join(machine.folder, 'outside')
  await mkdir(outside)
  const untouched = join(outside, `${'c'.repeat(64)}.dfhf.incomplete`)
  await writeFile(untouched, 'x')
  await old(untouched)
  await symlink(outside, join(machine.folder, 'hf/dfhf/store/cc'))

  const prune = ['cache', 'prune', '--store-quota', '10']
  const here = () =>
    [leftover, foreign, unreferenced, first, second, untouched].map((each) => existsSync(each))
  const dry = await runDfhf(machine, [...prune, '--dry-run', '--json'])
  expect([dry.code, JSON.parse(dry.stdout).removed.length]).toEqual([0, 2])
  expect(here()).toEqual([true, true, true, true, true, true])
  expect((await runDfhf(machine, prune)).code).toBe(0)
  expect(here()).toEqual([false, true, true, false, true, true])
  expect((await runDfhf(machine, [...prune, '--hf-cache'])).code).toBe(0)
  expect(here()).toEqual([false, true, false, false, true, true])
  expect(await sha256(path)).toBe(oidOf(hub, 'w', 'o/m'))
})

test('config shows what serve would work with', async () => {
  using machine = newMachine('http://127.0.0.1:1')
  await writeFile(join(machine.folder, 'c.toml'), '[serve]\nstore-quota = "5GB"\n')
  const env = { DFHF_CONFIG: join(machine.folder, 'c.toml'), HF_TOKEN: 'hf_neverprinted' }
  const { code, stdout } = await runDfhf(machine, ['config', 'serve'], { env })
  expect(code).toBe(0)
  expect(stdout).toMatch(/store-quota +5GB +\/.*c\.toml/)
  expect(stdout).toMatch(/endpoint +http:\/\/127\.0\.0\.1:1 +HF_ENDPOINT/)
  expect(stdout).not.toContain('neverprinted')
})
