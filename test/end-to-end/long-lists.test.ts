import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { canMountSmallDisk, smallDisks } from '../support/files/small-disk.ts'
import { eventually } from '../support/gateway/eventually.ts'
import type { FilesSpec } from '../support/hub/repo.ts'
import { startTestHub, type TestHub } from '../support/hub/test-hub.ts'
import { runDfhf, startDfhf } from '../support/program/binary.ts'
import { failureOf } from '../support/program/failure.ts'
import { type Machine, newMachine } from '../support/program/machine.ts'
import { isExact, sentOf } from '../support/program/weights.ts'

setDefaultTimeout(90_000)
const newDisk = smallDisks()

const pageSize = 4
const smallNames = Array.from({ length: 10 }, (_, at) => `f${at}.txt`)
/** On the first page, so that it may begin before the last files are listed. */
const bigName = 'a.bin'
const names = [bigName, ...smallNames]
/** The names of the first two of three pages. */
const listedFirst = names.slice(0, 2 * pageSize)
const lastName = 'f9.txt'

function longRepo(others: FilesSpec = {}) {
  const small = smallNames.map((name): [string, FilesSpec[string]] => [name, `this is ${name}\n`])
  const big = { seed: 'big', size: 3_000_000, lfs: true }
  return { id: 'o/r', commits: [{ [bigName]: big, ...Object.fromEntries(small), ...others }] }
}

function start(options: Partial<Parameters<typeof startTestHub>[0]> = {}): Promise<TestHub> {
  return startTestHub({ repos: [longRepo()], pageSize, ...options })
}

const lastPage = { match: { kind: 'tree' }, skip: 2 } as const

function snapshotFolder(machine: Machine): string {
  const snapshots = join(machine.cache, 'models--o--r', 'snapshots')
  const [commit = 'none'] = existsSync(snapshots) ? readdirSync(snapshots) : []
  return join(snapshots, commit)
}

/** The files of the snapshot, each seen to be right. */
function filesHere(hub: TestHub, machine: Machine): string[] {
  const folder = snapshotFolder(machine)
  const here = names.filter((name) => existsSync(join(folder, name)))
  for (const name of here) expect([name, isExact(hub, join(folder, name), name)]).toEqual([name, true])
  return here
}

describe('a snapshot whose list of files comes in pages', () => {
  test('has its first files, large ones too, before the last page, and all of them in the end', async () => {
    await using hub = await start()
    const last = hub.addFault({ ...lastPage, stallAfter: 0 })
    using machine = newMachine(hub.url)
    await using running = await startDfhf(machine, ['snapshot', 'o/r', '--json'])
    await hub.until(() => listedFirst.every((name) => sentOf(hub, name) > 0))
    const early = await eventually(
      async () => filesHere(hub, machine),
      (here) => here.length === listedFirst.length,
    )
    expect(early).toEqual([...listedFirst])
    last.remove()
    const { code, stdout, stderr } = await running.result
    expect(code, stderr).toBe(0)
    expect(filesHere(hub, machine)).toEqual([...names])
    const { files } = JSON.parse(stdout) as { readonly files: readonly { readonly path: string }[] }
    expect(files.map(({ path }) => path.slice(path.lastIndexOf('/') + 1))).toEqual([...names])
    const told = stderr.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []))
    const plans = told.filter(({ event }) => event === 'plan')
    expect(plans.map(({ files: count, isWhole }) => [count, isWhole])).toEqual([
      [4, false],
      [8, false],
      [11, true],
    ])
  })

  test('says in lines and in a summary how many files there are, once they are listed', async () => {
    await using hub = await start()
    using machine = newMachine(hub.url)
    const { code, stderr } = await runDfhf(machine, ['snapshot', 'o/r'])
    expect(code, stderr).toBe(0)
    expect(stderr).toContain('fetching 4 of the first 4 files while the others are listed\n')
    expect(stderr).toContain('fetching 11 of 11 files, 3.0 MB\n')
    expect(stderr).toContain('11 files, ')
  })

  test.each([
    { place: 'the cache', args: [], offline: 'is not in the cache' },
    {
      place: 'a folder',
      args: ['--local-dir', 'here'],
      offline: 'taking what is here of it, 8 files, for all',
    },
  ])('that ends too early fails, keeps what came and goes on the next time ($place)', async (given) => {
    const { args } = given
    await using hub = await start()
    const last = hub.addFault({ ...lastPage, status: 404 })
    using machine = newMachine(hub.url)
    const first = await runDfhf(machine, ['snapshot', 'o/r', ...args])
    expect(first.code, first.stderr).not.toBe(0)
    expect(first.stdout).toBe('')
    last.remove()
    // The list was not kept, and offline dfhf does not pass what is here for all of it without a word.
    const offline = await runDfhf(machine, ['snapshot', 'o/r', ...args], { env: { HF_HUB_OFFLINE: '1' } })
    expect(offline.stderr).toContain(given.offline)
    const sent = sentOf(hub, bigName)
    const second = await runDfhf(machine, ['snapshot', 'o/r', ...args])
    expect(second.code, second.stderr).toBe(0)
    expect(sentOf(hub, bigName)).toBe(sent)
    for (const name of names) expect(isExact(hub, join(second.stdout.trimEnd(), name), name)).toBe(true)
  })

  test('is read to its end before anything is fetched where a named file may be missing', async () => {
    await using hub = await start()
    using machine = newMachine(hub.url)
    const none = await runDfhf(machine, ['download', 'o/r', bigName, 'none.txt'])
    expect(none.code).toBe(3)
    expect(none.stderr).toContain("no file 'none.txt' in o/r at main")
    expect(sentOf(hub, bigName)).toBe(0)
    const both = await runDfhf(machine, ['download', 'o/r', bigName, lastName])
    expect(both.code, both.stderr).toBe(0)
    expect(filesHere(hub, machine)).toEqual([bigName, lastName])
  })

  test('is whole in a dry run', async () => {
    await using hub = await start()
    using machine = newMachine(hub.url)
    const { code, stdout } = await runDfhf(machine, ['snapshot', 'o/r', '--dry-run', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout).files).toHaveLength(names.length)
    expect(sentOf(hub, bigName)).toBe(0)
  })

  test('of which a later page puts files below a file gives all others, and names those', async () => {
    await using hub = await start()
    using mirror = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      async fetch({ url, method, headers: sent }) {
        const { pathname, search } = new URL(url)
        const answer = await fetch(hub.url + pathname + search, { method, headers: sent, redirect: 'manual' })
        const headers = new Headers(answer.headers)
        const link = headers.get('link')
        headers.delete('content-encoding')
        if (link !== null) headers.set('link', link.replaceAll(hub.url, new URL(url).origin))
        if (!pathname.includes('/tree/') || link !== null)
          return new Response(method === 'HEAD' ? null : await answer.bytes(), {
            status: answer.status,
            headers,
          })
        headers.delete('content-length')
        const entries: unknown = await answer.json()
        if (!Array.isArray(entries)) throw new Error('no list')
        const [like] = entries
        return Response.json([...entries, { ...like, path: `${bigName}/below` }], { headers })
      },
    })
    using machine = newMachine(`http://127.0.0.1:${mirror.port}`)
    const { code, stderr } = await runDfhf(machine, ['snapshot', 'o/r'])
    expect(code, stderr).toBe(6)
    expect(stderr).toContain('1 of 12 files cannot be stored, all others are here')
    expect(stderr).toContain(`"${bigName}/below": "${bigName}" is a file, too`)
    expect(filesHere(hub, machine)).toEqual([...names])
  })

  test.skipIf(!canMountSmallDisk)(
    'that the disk has no room for ends in one line, and keeps what came',
    async () => {
      await using hub = await start({
        repos: [longRepo({ 'z.bin': { seed: 'huge', size: 30_000_000, lfs: true } })],
      })
      using machine = newMachine(hub.url)
      const cache = newDisk('16m')
      const first = await runDfhf(machine, ['snapshot', 'o/r', '--cache-dir', cache])
      expect(failureOf(first, 7)).toContain('not enough space')
      expect(sentOf(hub, 'z.bin')).toBe(0)
      const sent = sentOf(hub, bigName)
      expect(sent).toBe(3_000_000)
      const rest = await runDfhf(machine, ['snapshot', 'o/r', '--cache-dir', cache, '--exclude', 'z.bin'])
      expect(rest.code, rest.stderr).toBe(0)
      expect(sentOf(hub, bigName)).toBe(sent)
      for (const name of names) expect(isExact(hub, join(rest.stdout.trimEnd(), name), name)).toBe(true)
    },
  )
})
