import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { variedRepo } from '../../support/hub/fixtures.ts'
import { startTestHub } from '../../support/hub/test-hub.ts'
import { runDfhf, startDfhf } from '../../support/program/binary.ts'
import { cacheFaults, partialsIn } from '../../support/program/cache-check.ts'
import { failureOf } from '../../support/program/failure.ts'
import { type Machine, newMachine } from '../../support/program/machine.ts'
import { downloadWeights, expectExact, isExact, weightsRepo } from '../../support/program/weights.ts'

setDefaultTimeout(60_000)

/** True where this process may mount a file system that no other process sees. */
const canMount =
  process.platform === 'linux' &&
  Bun.spawnSync(['unshare', '-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stderr: 'ignore' }).success
if (!canMount)
  process.stderr.write('the tests of full and read-only disks are skipped: they need root and Linux\n')

/**
 * A command before dfhf that runs `setUp` in a mount namespace of its own, which ends with dfhf. What stands in
 * HF_HOME then is copied to `after/`, as the mounts are gone.
 */
function inPrivateMounts(setUp: string): readonly string[] {
  const script = `${setUp}; "$@"; code=$?; cp -a "$HF_HOME" "$HOME/after"; exit $code`
  return ['unshare', '-m', 'sh', '-c', script, 'sh']
}

const smallDisk = (size: string) =>
  inPrivateMounts(`mkdir -p "$HF_HOME" && mount -t tmpfs -o size=${size} tmpfs "$HF_HOME"`)
const after = (machine: Machine) => join(machine.folder, 'after/hub')

describe.skipIf(!canMount)('a disk', () => {
  test('that is too small is told before the first byte, and nothing is left on it', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(8_000_000)] })
    using machine = newMachine(hub.url)
    const result = await runDfhf(machine, downloadWeights, { prefix: smallDisk('4m') })
    expect(failureOf(result, 7)).toContain('not enough space')
    expect(hub.stats().cdn.requests).toBe(0)
    expect(cacheFaults(after(machine))).toEqual([])
    expect(partialsIn(after(machine))).toEqual([])
  })

  test('that is too small for a list, though not for any repo of it, is told before the first byte', async () => {
    const repos = ['o/a', 'o/b'].map((id) => ({
      id,
      commits: [{ w: { seed: id, size: 3_000_000, lfs: true } as const }],
    }))
    await using hub = await startTestHub({ repos })
    using machine = newMachine(hub.url)
    const list = join(machine.folder, 'list')
    writeFileSync(list, 'o/a\no/b\n')
    const result = await runDfhf(machine, ['snapshot', '--from', list], { prefix: smallDisk('5m') })
    expect(failureOf(result, 7)).toContain('not enough space')
    expect(hub.stats().cdn.requests).toBe(0)
    expect(partialsIn(after(machine))).toEqual([])
  })

  test('that fills up on the way ends it in one line, and what was verified serves the next run', async () => {
    const files = ['a', 'b', 'c'].map((name) => [name, { seed: name, size: 6_000_000, lfs: true }] as const)
    await using hub = await startTestHub({
      repos: [{ id: 'o/r', commits: [Object.fromEntries(files)] }],
      rates: { perConnection: 10_000_000 },
    })
    using machine = newMachine(hub.url)
    const args = ['snapshot', 'o/r', '--connections', '1']
    await using running = await startDfhf(machine, args, { prefix: smallDisk('19m') })
    await hub.until(() => hub.stats().cdn.bodyBytes > 7_000_000)
    // Another program fills the disk meanwhile.
    const fill = 'head -c 20000000 /dev/zero > "$HF_HOME/filled"'
    Bun.spawnSync(['nsenter', '-t', `${running.pid}`, '-m', 'sh', '-c', fill], {
      env: machine.env,
      stderr: 'ignore',
    })
    expect(failureOf(await running.result, 7)).toContain('the disk is full')
    expect(cacheFaults(after(machine), { mayHavePartials: true })).toEqual([])
    const again = await runDfhf(machine, ['snapshot', 'o/r', '--cache-dir', after(machine), '--json'])
    expect(again.code).toBe(0)
    expect(JSON.parse(again.stdout).bytes.hub).toBeLessThan(18_000_000 - 6 * 2 ** 20)
    expect(cacheFaults(after(machine))).toEqual([])
  })

  const readOnly = inPrivateMounts(
    'mkdir -p "$HF_HOME" && mount --bind "$HF_HOME" "$HF_HOME" && mount -o remount,ro,bind "$HF_HOME"',
  )

  test('that is read-only is told in one line', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(8_000_000)] })
    using machine = newMachine(hub.url)
    const result = await runDfhf(machine, downloadWeights, { prefix: readOnly })
    expect(failureOf(result, 7)).toContain('read-only')
    expect(hub.stats().cdn.requests).toBe(0)
    expect(existsSync(after(machine))).toBe(false)
  })

  test('that is read-only does not matter for what stands on it', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(8_000_000)] })
    using machine = newMachine(hub.url)
    const first = await runDfhf(machine, ['snapshot', 'o/r'])
    for (const args of [['snapshot', 'o/r'], downloadWeights, ['snapshot', 'o/r', '--offline']]) {
      const again = await runDfhf(machine, args, { prefix: readOnly })
      expect([again.code, again.stderr.includes('error')]).toEqual([0, false])
      expect(again.stdout).toStartWith(first.stdout.trimEnd())
    }
  })
})

describe('a cache', () => {
  test.each([['HF_HUB_CACHE'], ['HF_HOME']])('that is a file is told in one line: %s', async (name) => {
    await using hub = await startTestHub({ repos: [variedRepo()] })
    using machine = newMachine(hub.url)
    const file = join(machine.folder, 'file')
    writeFileSync(file, 'mine')
    const result = await runDfhf(machine, ['snapshot', 'test-org/varied'], { env: { [name]: file } })
    expect(failureOf(result, 7)).toContain(file)
    expect(readFileSync(file, 'utf8')).toBe('mine')
  })

  test.each([
    [downloadWeights, []],
    [downloadWeights, ['--no-symlinks']],
    [['snapshot', 'o/r'], []],
  ])('whose file has another size than the Hub says is mended: %j %j', async (args, flags) => {
    await using hub = await startTestHub({ repos: [weightsRepo(3_000_000)] })
    using machine = newMachine(hub.url)
    const first = await runDfhf(machine, [...downloadWeights, ...flags])
    writeFileSync(first.stdout.trimEnd(), 'cut short')
    expect((await runDfhf(machine, [...args, ...flags])).code).toBe(0)
    expect(isExact(hub, first.stdout.trimEnd())).toBe(true)
    expect(cacheFaults(machine.cache)).toEqual([])
  })

  test('in which a folder stands where a file must go is told in one line', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(3_000_000)] })
    using machine = newMachine(hub.url)
    const commit = hub.repo('o/r').resolve('main')?.id ?? ''
    const entry = join(machine.cache, 'models--o--r/snapshots', commit, 'w')
    mkdirSync(join(entry, 'mine'), { recursive: true })
    expect(failureOf(await runDfhf(machine, downloadWeights), 7)).toContain(entry)
    expect(existsSync(join(entry, 'mine'))).toBe(true)
  })
})

describe('stdout', () => {
  const bash = (script: string) => ['bash', '-c', script, 'bash']

  test('whose reader has gone away is no failure', async () => {
    await using hub = await startTestHub({ repos: [variedRepo()] })
    using machine = newMachine(hub.url)
    const prefix = bash('set -o pipefail; "$@" | true')
    const result = await runDfhf(machine, ['snapshot', 'test-org/varied', '--quiet'], { prefix })
    expect(result).toEqual({ code: 0, stdout: '', stderr: '' })
  })

  test.skipIf(process.platform !== 'linux')('that cannot be written to is told in one line', async () => {
    await using hub = await startTestHub({ repos: [variedRepo()] })
    using machine = newMachine(hub.url)
    const prefix = bash('"$@" > /dev/full')
    const line = failureOf(await runDfhf(machine, ['snapshot', 'test-org/varied'], { prefix }), 7)
    expect(line).toContain('cannot write the result')
  })

  test('that is closed never gets into a file', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(3_000_000)] })
    using machine = newMachine(hub.url)
    await runDfhf(machine, downloadWeights, { prefix: bash('"$@" >&-') })
    expectExact(hub, await runDfhf(machine, downloadWeights))
    expect(cacheFaults(machine.cache)).toEqual([])
  })

  test('stays silent to the last line though stderr is closed', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(3_000_000)] })
    using machine = newMachine(hub.url)
    const result = await runDfhf(machine, downloadWeights, { prefix: bash('"$@" 2>&-') })
    expectExact(hub, result)
    expect(cacheFaults(machine.cache)).toEqual([])
  })
})
