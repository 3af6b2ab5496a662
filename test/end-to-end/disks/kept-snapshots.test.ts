import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { startTestHub } from '../../support/hub/test-hub.ts'
import { runDfhf } from '../../support/program/binary.ts'
import { cacheFaults } from '../../support/program/cache-check.ts'
import { failureOf } from '../../support/program/failure.ts'
import { hasHf, hfSnapshot } from '../../support/program/hf.ts'
import { type Machine, newMachine } from '../../support/program/machine.ts'
import {
  asStranger,
  canBeStranger,
  giveTo,
  publicBinary,
  STRANGER,
  strangersOwn,
} from '../../support/program/other-user.ts'
import { downloadWeights, weightsRepo } from '../../support/program/weights.ts'

setDefaultTimeout(120_000)
const size = 3_000_000
const snapshot = ['snapshot', 'o/r']
const offline = { HF_HUB_OFFLINE: '1' }

/** Fails unless the run ended well; gives the folder that it printed. */
async function folderOf(
  machine: Machine,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<string> {
  const result = await runDfhf(machine, args, { env })
  expect(result.code, result.stderr).toBe(0)
  return result.stdout.trimEnd()
}

describe('a snapshot in --local-dir', () => {
  test('is given when offline, with and without a cache beside it', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(size)] })
    using machine = newMachine(hub.url)
    const here = join(machine.folder, 'here')
    const args = [...snapshot, '--local-dir', 'here']
    expect(await folderOf(machine, args)).toBe(here)
    expect(await folderOf(machine, args, offline)).toBe(here)
    expect(await folderOf(machine, [...args, '--include', 't'], offline)).toBe(here)
    await folderOf(machine, snapshot)
    expect(await folderOf(machine, args, offline)).toBe(here)
  })

  test('is given as huggingface_hub gives it, whichever of them put it there', async () => {
    if (!hasHf) return
    await using hub = await startTestHub({ repos: [weightsRepo(size)] })
    using machine = newMachine(hub.url)
    const [mine, theirs] = [join(machine.folder, 'mine'), join(machine.folder, 'theirs')]
    await folderOf(machine, [...snapshot, '--local-dir', mine])
    expect(await hfSnapshot(machine, { repo_id: 'o/r', local_dir: theirs })).toBe(theirs)
    for (const folder of [mine, theirs]) {
      expect(await hfSnapshot(machine, { repo_id: 'o/r', local_dir: folder }, { env: offline })).toBe(folder)
      expect(await folderOf(machine, [...snapshot, '--local-dir', folder], offline)).toBe(folder)
      rmSync(join(folder, '.cache/huggingface/trees'), { recursive: true })
      expect(await hfSnapshot(machine, { repo_id: 'o/r', local_dir: folder }, { env: offline })).toBe(folder)
      expect(await folderOf(machine, [...snapshot, '--local-dir', folder], offline)).toBe(folder)
    }
  })

  test('is given while the Hub is down', async () => {
    const hub = await startTestHub({ repos: [weightsRepo(size)] })
    using machine = newMachine(hub.url)
    const args = [...snapshot, '--local-dir', 'here']
    const folder = await folderOf(machine, args)
    await hub[Symbol.asyncDispose]()
    expect(await folderOf(machine, args)).toBe(folder)
  })

  test('is not given for another revision, nor with a file missing', async () => {
    const later = { ...weightsRepo(size).commits[0], t: 'later\n' }
    await using hub = await startTestHub({
      repos: [{ id: 'o/r', commits: [...weightsRepo(size).commits, later] }],
    })
    using machine = newMachine(hub.url)
    const args = [...snapshot, '--local-dir', 'here']
    await folderOf(machine, args)
    const other = await runDfhf(machine, [...args, '--revision', 'v2'], { env: offline })
    expect(failureOf(other, 3)).toContain('o/r at v2 is not in the cache')
    rmSync(join(machine.folder, 'here/w'))
    expect(failureOf(await runDfhf(machine, args, { env: offline }), 3)).toContain('1 file of o/r')
  })
})

/** Takes away what clients of two years ago did not write. */
function makeOld(machine: Machine): void {
  rmSync(join(machine.cache, 'models--o--r/trees'), { recursive: true })
}

describe('a cache that an older client filled', () => {
  test.each([{ args: snapshot }, { args: [...snapshot, '--include', '*'] }])(
    'gives its snapshot when offline: $args',
    async ({ args }) => {
      await using hub = await startTestHub({ repos: [weightsRepo(size)] })
      using machine = newMachine(hub.url)
      const commit = hub.repo('o/r').resolve('main')?.id ?? ''
      const folder = await folderOf(machine, args)
      makeOld(machine)
      expect(await folderOf(machine, args, offline)).toBe(folder)
      expect(await folderOf(machine, [...args, '--revision', commit], offline)).toBe(folder)
      const { files } = JSON.parse(await folderOf(machine, [...args, '--json'], offline))
      expect(files.map(({ path }: { path: string }) => path.slice(folder.length))).toEqual(['/t', '/w'])
      expect(files.map(({ size: each }: { size: number }) => each)).toEqual([5, size])
    },
  )

  test('gives its snapshot while the Hub is down', async () => {
    const hub = await startTestHub({ repos: [weightsRepo(size)] })
    using machine = newMachine(hub.url)
    const commit = hub.repo('o/r').resolve('main')?.id ?? ''
    const folder = await folderOf(machine, snapshot)
    makeOld(machine)
    await hub[Symbol.asyncDispose]()
    // Each tries the Hub for a while before it takes what is here.
    const all = [snapshot, [...snapshot, '--revision', commit]].map((args) => folderOf(machine, args))
    expect(await Promise.all(all)).toEqual([folder, folder])
  })

  test('says that it cannot tell whether its snapshot is whole', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(size)] })
    using machine = newMachine(hub.url)
    await folderOf(machine, [...downloadWeights])
    const result = await runDfhf(machine, snapshot, { env: offline })
    expect(result.code, result.stderr).toBe(0)
    expect(result.stderr).toContain('taking what is here of it, 1 file, for all of it')
  })

  test('does not hide that the Hub knows no such thing, nor that nothing is there', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(size)] })
    using machine = newMachine(hub.url)
    await folderOf(machine, snapshot)
    makeOld(machine)
    const named = await runDfhf(machine, ['download', 'o/r', 'x', 'y'], { env: offline })
    expect(failureOf(named, 3)).toContain("'x' at main is not in the cache")
    rmSync(join(machine.cache, 'models--o--r/snapshots'), { recursive: true })
    expect(failureOf(await runDfhf(machine, snapshot, { env: offline }), 3)).toContain('not in the cache')
  })

  test('gives what huggingface_hub gives', async () => {
    if (!hasHf) return
    await using hub = await startTestHub({ repos: [weightsRepo(size)] })
    using machine = newMachine(hub.url)
    expect(String(await hfSnapshot(machine, { repo_id: 'o/r' }))).toStartWith(machine.cache)
    makeOld(machine)
    const theirs = await hfSnapshot(machine, { repo_id: 'o/r' }, { env: offline })
    expect(await folderOf(machine, snapshot, offline)).toBe(String(theirs))
  })
})

describe.skipIf(!canBeStranger)('a complete cache that this user may not write to', () => {
  for (const missing of ['refs/main', 'refs', 'trees', 'refs trees'])
    test(`is given though ${missing} is missing`, async () => {
      await using hub = await startTestHub({ repos: [weightsRepo(size)] })
      using machine = newMachine(hub.url)
      const binary = await publicBinary(machine)
      const folder = await folderOf(machine, snapshot)
      for (const name of missing.split(' '))
        rmSync(join(machine.cache, 'models--o--r', name), { recursive: true })
      const options = { prefix: asStranger, binary }
      for (const args of [snapshot, downloadWeights]) {
        const result = await runDfhf(machine, args, options)
        expect([result.code, result.stderr.includes('error')]).toEqual([0, false])
        expect(result.stdout).toStartWith(folder)
      }
      const verbose = await runDfhf(machine, [...snapshot, '--verbose'], options)
      expect(verbose.stderr).toContain('permission denied')
      expect(existsSync(join(machine.cache, 'models--o--r', missing.split(' ')[0] ?? ''))).toBe(false)
      if (!hasHf) return
      const wrap = (python: string) => strangersOwn(machine, python)
      expect(await hfSnapshot(machine, { repo_id: 'o/r' }, { wrap })).toBe(folder)
    })

  test('that is whole but for one file is told in one line', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(size)] })
    using machine = newMachine(hub.url)
    const binary = await publicBinary(machine)
    const folder = await folderOf(machine, snapshot)
    rmSync(join(folder, 't'))
    cpSync(join(machine.cache, 'models--o--r'), join(machine.folder, 'aside'), { recursive: true })
    const result = await runDfhf(machine, snapshot, { prefix: asStranger, binary })
    expect(failureOf(result, 7)).toContain('permission denied')
  })

  test('does not keep notes on a local dir from being given', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(size)] })
    using machine = newMachine(hub.url)
    const binary = await publicBinary(machine)
    const args = [...snapshot, '--local-dir', 'here']
    const folder = await folderOf(machine, args)
    for (const name of ['trees', 'download']) {
      rmSync(join(folder, '.cache/huggingface', name), { recursive: true })
      const result = await runDfhf(machine, args, { prefix: asStranger, binary })
      expect([result.code, result.stdout, result.stderr.includes('error')]).toEqual([0, `${folder}\n`, false])
    }
  })
})

describe('branches of which one is a folder of the other', () => {
  for (const [first, second] of [
    ['dev', 'dev/x'],
    ['dev/x', 'dev'],
  ] as const)
    test(`are both fetched: ${first}, then ${second}`, async () => {
      const commits = weightsRepo(size).commits
      await using hub = await startTestHub({
        repos: [{ id: 'o/r', commits, refs: { [first]: 0, [second]: 0 } }],
      })
      using machine = newMachine(hub.url)
      for (const flags of [[], ['--local-dir', 'here']]) {
        await folderOf(machine, [...snapshot, ...flags, '--revision', first])
        const result = await runDfhf(machine, [...snapshot, ...flags, '--revision', second])
        expect(result.code, result.stderr).toBe(0)
        expect(result.stderr.includes(`in the way of '${second}'`)).toBe(flags.length === 0)
        const file = await runDfhf(machine, [...downloadWeights, ...flags, '--revision', second])
        expect(file.code, file.stderr).toBe(0)
        await folderOf(machine, [...snapshot, ...flags, '--revision', first], offline)
        const later = await runDfhf(machine, [...snapshot, ...flags, '--revision', second], { env: offline })
        expect(later.code).toBe(flags.length === 0 ? 3 : 0)
      }
      expect(readdirSync(join(machine.cache, 'models--o--r/refs'))).toEqual(['dev'])
      expect(cacheFaults(machine.cache)).toEqual([])
      if (!hasHf) return
      const theirs = newMachine(hub.url)
      for (const revision of [first, second])
        expect(String(await hfSnapshot(theirs, { repo_id: 'o/r', revision }))).toStartWith(theirs.cache)
    })
})

describe.skipIf(!canBeStranger)('a user without a home folder and without an entry', () => {
  const noHome = { HOME: undefined, HF_HOME: undefined, DFHF_NO_PEERS: '1' }

  test('is told the version and the help', async () => {
    using machine = newMachine('http://127.0.0.1:9')
    const options = { prefix: asStranger, binary: await publicBinary(machine), env: noHome }
    for (const args of [['--version'], ['--help'], ['snapshot', '--help'], ['completion', 'bash']]) {
      expect(await runDfhf(machine, args, options)).toMatchObject({ code: 0, stderr: '' })
    }
  })

  test.each(['HF_HOME', '--cache-dir', '--local-dir'])('fetches with %s', async (by) => {
    await using hub = await startTestHub({ repos: [weightsRepo(size)] })
    using machine = newMachine(hub.url)
    const binary = await publicBinary(machine)
    const own = join(machine.folder, 'own')
    mkdirSync(own)
    giveTo(own, STRANGER)
    const flags = by === 'HF_HOME' ? [] : ['--cache-dir', by === '--cache-dir' ? own : ''].filter(Boolean)
    const env = { ...noHome, ...(by === 'HF_HOME' ? { HF_HOME: own } : {}) }
    const args = by === '--local-dir' ? [...snapshot, by, own] : [...snapshot, ...flags]
    const more = by === '--local-dir' ? { HF_HUB_CACHE: join(own, 'cache') } : {}
    const result = await runDfhf(machine, args, { prefix: asStranger, binary, env: { ...env, ...more } })
    expect(result.code, result.stderr).toBe(0)
    expect(readFileSync(join(result.stdout.trimEnd(), 't'), 'utf8')).toBe('text\n')
  })

  test.each([{ args: snapshot }, { args: ['serve'] }, { args: ['serve', '--cache-dir', '/tmp/x'] }])(
    'is told in one line what to set: $args',
    async ({ args }) => {
      using machine = newMachine('http://127.0.0.1:9')
      const options = { prefix: asStranger, binary: await publicBinary(machine), env: noHome }
      const sharing = { ...options, env: { ...noHome, DFHF_NO_PEERS: undefined } }
      expect(failureOf(await runDfhf(machine, args, sharing), 2)).toContain('set HF_HOME')
      chmodSync(machine.folder, 0o700)
    },
  )
})
