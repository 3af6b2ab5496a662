import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { variedRepo } from '../support/hub/fixtures.ts'
import { startTestHub, type TestHub, type TestHubOptions } from '../support/hub/test-hub.ts'
import { type RunResult, runDfhf, startDfhf } from '../support/program/binary.ts'
import { cacheFaults, partialsIn } from '../support/program/cache-check.ts'
import { newMachine } from '../support/program/machine.ts'
import {
  downloadWeights,
  expectExact,
  isExact,
  oidOf,
  sentOf,
  weightsRepo,
} from '../support/program/weights.ts'

setDefaultTimeout(60_000)
const id = 'test-org/varied'
const start = (options: TestHubOptions = {}) =>
  startTestHub({ repos: [variedRepo()], pageSize: 4, ...options })

function pathsOf(hub: TestHub, revision = 'main'): string[] {
  return [...(hub.repo(id).resolve(revision)?.files.keys() ?? [])].sort()
}

/** The files below a folder, links followed. */
function filesIn(folder: string): string[] {
  return (readdirSync(folder, { recursive: true }) as string[])
    .filter((path) => !lstatSync(join(folder, path)).isDirectory())
    .sort()
}

function folderOf(result: RunResult): string {
  expect(result.code, result.stderr).toBe(0)
  expect(result.stdout.split('\n')).toHaveLength(2)
  return result.stdout.trimEnd()
}

describe('a snapshot', () => {
  test('brings every file, each content once, and prints its folder', async () => {
    await using hub = await start()
    using machine = newMachine(hub.url)
    const folder = folderOf(await runDfhf(machine, ['snapshot', id]))
    expect(filesIn(folder)).toEqual(pathsOf(hub))
    for (const path of pathsOf(hub))
      expect([path, isExact(hub, join(folder, path), path, id)]).toEqual([path, true])
    expect(sentOf(hub, 'weights/model.safetensors', id)).toBe(300_000)
    expect(cacheFaults(machine.cache)).toEqual([])
  })

  test('of another revision fetches only what is new', async () => {
    await using hub = await start()
    using machine = newMachine(hub.url)
    await runDfhf(machine, ['snapshot', id])
    hub.resetStats()
    const folder = folderOf(await runDfhf(machine, ['snapshot', id, '--revision', 'refs/pr/1']))
    expect(filesIn(folder)).toEqual(pathsOf(hub, 'refs/pr/1'))
    const fetched = hub.requests.filter(({ method, oid }) => method === 'GET' && oid !== undefined)
    expect(new Set(fetched.map(({ oid }) => oid)).size).toBe(2)
    expect(cacheFaults(machine.cache)).toEqual([])
  })

  test('of a commit that is here sends no request', async () => {
    await using hub = await start()
    using machine = newMachine(hub.url)
    const commit = hub.repo(id).resolve('v1.0')?.id ?? ''
    const first = await runDfhf(machine, ['snapshot', `${id}@${commit}`])
    hub.resetStats()
    expect(folderOf(await runDfhf(machine, ['snapshot', `${id}@${commit}`]))).toBe(folderOf(first))
    expect(hub.requests).toHaveLength(0)
  })

  test.each([
    [
      ['--include', '*.bin'],
      ['empty.bin', 'odd/big one.bin', 'one-byte.bin'],
    ],
    [
      ['--include', '*.txt', '--exclude', 'odd/*'],
      ['a b/c d.txt', 'empty.txt', 'únïcode/日本語.txt'],
    ],
    [
      ['--include', 'weights/*', '--include', 'config.json'],
      ['config.json', 'weights/model.safetensors'],
    ],
  ])('keeps what the patterns keep: %j', async (flags, paths) => {
    await using hub = await start()
    using machine = newMachine(hub.url)
    const folder = folderOf(await runDfhf(machine, ['snapshot', id, ...flags]))
    expect(filesIn(folder)).toEqual([...paths].sort())
  })

  test.each([
    ['dataset', 'datasets/o/data'],
    ['space', 'spaces/o/data'],
  ] as const)('of a %s lands in a folder of its own', async (type, name) => {
    await using hub = await start({ repos: [{ id: 'o/data', type, commits: [{ 'data/f.txt': 'data' }] }] })
    using machine = newMachine(hub.url)
    const folder = folderOf(await runDfhf(machine, ['snapshot', name]))
    expect(folder).toStartWith(join(machine.cache, `${type}s--o--data`))
    expect(folderOf(await runDfhf(machine, ['snapshot', 'o/data', '--repo-type', type]))).toBe(folder)
    expect(cacheFaults(machine.cache)).toEqual([])
  })

  test('of a renamed repo comes', async () => {
    await using hub = await start()
    using machine = newMachine(hub.url)
    const args = ['download', 'test-org/old-name', 'config.json']
    expectExact(hub, await runDfhf(machine, args), 'config.json', id)
  })

  test('without symlinks holds the files themselves', async () => {
    await using hub = await start()
    using machine = newMachine(hub.url)
    const env = { HF_HUB_DISABLE_SYMLINKS: '1' }
    const folder = folderOf(await runDfhf(machine, ['snapshot', id], { env }))
    for (const path of pathsOf(hub)) {
      expect(lstatSync(join(folder, path)).isFile()).toBe(true)
      expect(isExact(hub, join(folder, path), path, id)).toBe(true)
    }
    hub.resetStats()
    folderOf(await runDfhf(machine, ['snapshot', id], { env }))
    expect(hub.stats().cdn.requests).toBe(0)
  })
})

describe('a download', () => {
  test('of several names and a folder prints the snapshot folder', async () => {
    await using hub = await start()
    using machine = newMachine(hub.url)
    const folder = folderOf(await runDfhf(machine, ['download', id, 'config.json', 'a b/']))
    expect(filesIn(folder)).toEqual(['a b/c d.txt', 'config.json'])
  })

  test.each([
    [[`hf://${id}@v1.0/README.md`]],
    [[`${id}@v1.0`, 'README.md']],
    [[id, 'README.md', '--revision', 'v1.0']],
  ])('takes every spelling of a revision: %j', async (names) => {
    await using hub = await start()
    using machine = newMachine(hub.url)
    const result = await runDfhf(machine, ['download', ...names])
    expect(result.code, result.stderr).toBe(0)
    expect(readFileSync(result.stdout.trimEnd(), 'utf8')).toBe('first\n')
  })

  test('by force fetches again, and what stood there stays until the new bytes are checked', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(3_000_000)] })
    using machine = newMachine(hub.url)
    const first = await runDfhf(machine, downloadWeights)
    writeFileSync(first.stdout.trimEnd(), 'wrong bytes'.padEnd(3_000_000, '.'))
    hub.resetStats()
    expectExact(hub, await runDfhf(machine, [...downloadWeights, '--force-download']))
    expect(sentOf(hub)).toBeGreaterThanOrEqual(3_000_000)
    expect(cacheFaults(machine.cache)).toEqual([])
  })
})

describe('--dry-run', () => {
  test('says what a snapshot would fetch, and fetches nothing', async () => {
    await using hub = await start()
    using machine = newMachine(hub.url)
    await runDfhf(machine, ['download', id, 'config.json'])
    hub.resetStats()
    const result = await runDfhf(machine, ['snapshot', id, '--dry-run'])
    const count = pathsOf(hub).length
    expect(result.code).toBe(0)
    expect(result.stdout).toStartWith(
      `[dry-run] Will download ${count - 1} files (out of ${count}) totalling `,
    )
    expect(result.stdout).toMatch(/^config\.json +-$/m)
    expect(result.stdout).toMatch(/^one-byte\.bin +1\.0$/m)
    expect(hub.requests.filter(({ kind }) => kind !== 'info' && kind !== 'tree')).toEqual([])
    expect(filesIn(join(machine.cache, 'models--test-org--varied/blobs'))).toHaveLength(1)
    expect(cacheFaults(machine.cache)).toEqual([])
  })

  test('of one file gives its plan, as JSON too', async () => {
    await using hub = await start()
    using machine = newMachine(hub.url)
    const result = await runDfhf(machine, ['download', id, 'one-byte.bin', '--dry-run', '--json'])
    expect(JSON.parse(result.stdout)).toEqual({
      repo: id,
      revision: 'main',
      commit: hub.repo(id).resolve('main')?.id ?? '',
      files: [{ name: 'one-byte.bin', size: 1, isMissing: true }],
    })
    expect(hub.stats().cdn.requests).toBe(0)
    expect(partialsIn(machine.folder)).toEqual([])
  })
})

describe('--json', () => {
  test('prints one object for a file, with where its bytes came from', async () => {
    await using hub = await start()
    using machine = newMachine(hub.url)
    const args = ['download', id, 'weights/model.safetensors', '--json']
    const first = await runDfhf(machine, args)
    const commit = hub.repo(id).resolve('main')?.id ?? ''
    const oid = oidOf(hub, 'weights/model.safetensors', id)
    const path = join(
      machine.cache,
      'models--test-org--varied/snapshots',
      commit,
      'weights/model.safetensors',
    )
    const about = { path, repo: id, revision: 'main', commit, oid, size: 300_000 }
    const fetched = JSON.parse(first.stdout)
    expect(first.stdout.split('\n')).toHaveLength(2)
    expect(fetched).toEqual({
      ...about,
      ms: fetched.ms,
      bytes: { hub: 300_000, peers: 0, local: 0 },
      verified: true,
    })
    expect(fetched.ms).toBeInteger()
    const found = JSON.parse((await runDfhf(machine, args)).stdout)
    expect(found).toEqual({ ...about, ms: found.ms, bytes: { hub: 0, peers: 0, local: 0 }, verified: false })
    for (const line of first.stderr.split('\n').filter(Boolean))
      expect(JSON.parse(line)).toHaveProperty('event')
  })

  test('prints one object for a snapshot, with its files', async () => {
    await using hub = await start()
    using machine = newMachine(hub.url)
    const result = await runDfhf(machine, ['snapshot', id, '--json', '--include', '*.safetensors'])
    const commit = hub.repo(id).resolve('main')?.id ?? ''
    const snapshot = JSON.parse(result.stdout)
    expect(snapshot).toMatchObject({ repo: id, revision: 'main', commit, oid: null, size: 600_000 })
    expect(snapshot.path).toEndWith(`/snapshots/${commit}`)
    expect(snapshot.bytes).toEqual({ hub: 300_000, peers: 0, local: 0 })
    expect(snapshot.files.map(({ path }: { path: string }) => path)).toEqual([
      join(snapshot.path, 'nested/deep/copy.safetensors'),
      join(snapshot.path, 'weights/model.safetensors'),
    ])
  })
})

describe('--quiet', () => {
  test('leaves stderr empty', async () => {
    await using hub = await start({ warnings: ['topic; take care'] })
    using machine = newMachine(hub.url)
    expect((await runDfhf(machine, ['snapshot', id, '--quiet'])).stderr).toBe('')
    const loud = await runDfhf(machine, ['snapshot', id])
    expect(loud.stderr).toContain('take care')
  })
})

describe('--local-dir', () => {
  test('puts plain files into a folder, and the next time fetches nothing', async () => {
    await using hub = await start()
    using machine = newMachine(hub.url)
    const args = ['snapshot', id, '--local-dir', 'here']
    const folder = folderOf(await runDfhf(machine, args))
    expect(folder).toBe(join(machine.folder, 'here'))
    const paths = pathsOf(hub)
    expect(filesIn(folder).filter((path) => !path.startsWith('.cache/'))).toEqual(paths)
    for (const path of paths) {
      expect(lstatSync(join(folder, path)).isFile()).toBe(true)
      expect([path, isExact(hub, join(folder, path), path, id)]).toEqual([path, true])
    }
    expect(partialsIn(folder)).toEqual([])
    hub.resetStats()
    expect(folderOf(await runDfhf(machine, args))).toBe(folder)
    expect(hub.stats().cdn.requests).toBe(0)
    expect(hub.stats().kinds['resolve-cache']).toBeUndefined()
  })

  test('fetches a file anew that was changed there, and no other', async () => {
    await using hub = await start()
    using machine = newMachine(hub.url)
    const args = ['snapshot', id, '--local-dir', 'here']
    const folder = folderOf(await runDfhf(machine, args))
    writeFileSync(join(folder, 'config.json'), 'mine')
    hub.resetStats()
    await runDfhf(machine, args)
    expect(isExact(hub, join(folder, 'config.json'), 'config.json', id)).toBe(true)
    expect(hub.stats().cdn.requests).toBe(0)
  })

  test('prints the path of one file, and brings it once though it is in the cache', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(3_000_000)] })
    using machine = newMachine(hub.url)
    await runDfhf(machine, downloadWeights)
    hub.resetStats()
    const result = await runDfhf(machine, [...downloadWeights, '--local-dir', 'here'])
    expectExact(hub, result)
    expect(result.stdout).toBe(`${join(machine.folder, 'here/w')}\n`)
    expect(sentOf(hub)).toBe(0)
  })

  test('that is interrupted goes on where it stopped', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(12_000_000)] })
    using machine = newMachine(hub.url)
    const stopped = hub.addFault({ match: { side: 'cdn' }, skip: 4, stallAfter: 100_000 })
    const args = [...downloadWeights, '--local-dir', 'here', '--connections', '4']
    await using running = await startDfhf(machine, args)
    // A connection asks for more when the piece before is on disk.
    await hub.until(({ cdn }) => cdn.requests > 4 && cdn.bodyBytes > 4 * 2 ** 20)
    running.kill('SIGINT')
    expect((await running.result).code).toBe(130)
    expect(existsSync(join(machine.folder, 'here/w'))).toBe(false)
    stopped.remove()
    const again = await runDfhf(machine, [...args, '--json'])
    expect(JSON.parse(again.stdout).bytes.hub).toBeLessThan(12_000_000)
    expect(isExact(hub, join(machine.folder, 'here/w'))).toBe(true)
    expect(partialsIn(join(machine.folder, 'here'))).toEqual([])
  })
})

describe('what is printed without a command', () => {
  test.each([[['--help']], [['download', '--help']], [['--version']], [['completion', 'bash']]])(
    '%j goes to stdout',
    async (args) => {
      using machine = newMachine('http://hub.invalid')
      const result = await runDfhf(machine, args)
      expect(result).toMatchObject({ code: 0, stderr: '' })
      expect(result.stdout).not.toBe('')
      expect(readdirSync(machine.folder)).toEqual([])
    },
  )
})
