import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { canMountSmallDisk, smallDisks, untellingDisks } from '../../support/files/small-disk.ts'
import { startTestHub } from '../../support/hub/test-hub.ts'
import { runDfhf, startDfhf } from '../../support/program/binary.ts'
import { cacheFaults, partialsIn } from '../../support/program/cache-check.ts'
import { failureOf } from '../../support/program/failure.ts'
import { hasHf, hfSnapshot } from '../../support/program/hf.ts'
import { newMachine } from '../../support/program/machine.ts'
import { downloadWeights, expectExact, oidOf, sentOf, weightsRepo } from '../../support/program/weights.ts'

setDefaultTimeout(120_000)
const size = 6_000_000
const untold = 'does not tell how much space is free'

describe.skipIf(!canMountSmallDisk)('a disk that does not tell how much space is free', () => {
  const newDisk = untellingDisks()

  test.each([{ args: ['snapshot', 'o/r'] }, { args: [...downloadWeights] }])(
    'is written to after one warning: $args',
    async ({ args }) => {
      await using hub = await startTestHub({ repos: [weightsRepo(size)] })
      using machine = newMachine(hub.url)
      const cache = newDisk()
      const result = await runDfhf(machine, [...args, '--cache-dir', cache])
      expect(result.code, result.stderr).toBe(0)
      expect(result.stderr.split(untold)).toHaveLength(2)
      expect(cacheFaults(cache)).toEqual([])
      const again = await runDfhf(machine, [...args, '--cache-dir', cache])
      expect([again.code, again.stdout, again.stderr.includes(untold)]).toEqual([0, result.stdout, false])
    },
  )

  test('takes a local dir', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(size)] })
    using machine = newMachine(hub.url)
    const here = join(newDisk(), 'here')
    const result = await runDfhf(machine, ['download', 'o/r', 'w', '--local-dir', here])
    expectExact(hub, result)
    expect(result.stderr).toContain(untold)
  })

  test.skipIf(!hasHf)('takes what huggingface_hub takes', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(size)] })
    using machine = newMachine(hub.url)
    const [mine, theirs] = [newDisk(), newDisk()]
    const result = await runDfhf(machine, ['snapshot', 'o/r', '--cache-dir', mine])
    const given = await hfSnapshot(machine, { repo_id: 'o/r', cache_dir: theirs })
    expect(given).toBe(result.stdout.trimEnd().replace(mine, theirs))
  })

  test('takes the store of a daemon, which its quota alone bounds', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(size)] })
    using machine = newMachine(hub.url)
    const store = newDisk()
    const args = ['serve', '--gateway', '127.0.0.1:0', '--store-dir', store, '--min-free', '1GB']
    await using running = await startDfhf(machine, args)
    const port = await running.told(/Hub mirror and proxy on http:.*:(\d+)\n/)
    expect(running.stderr()).toContain('only the quota bounds the store')
    const answer = await fetch(`http://127.0.0.1:${port}/o/r/resolve/main/w`)
    expect(
      createHash('sha256')
        .update(await answer.bytes())
        .digest('hex'),
    ).toBe(oidOf(hub))
    expect(await Bun.file(join(store, oidOf(hub).slice(0, 2), oidOf(hub))).exists()).toBe(true)
  })
})

describe.skipIf(!canMountSmallDisk)('a disk on which a snapshot does not find room', () => {
  const newDisk = smallDisks()
  const names = ['a', 'b', 'c']
  const files = names.map((name) => [name, { seed: name, size, lfs: true }] as const)
  const repo = { id: 'o/r', commits: [Object.fromEntries(files)] }

  test('is told of before the first byte, though each file alone finds room', async () => {
    await using hub = await startTestHub({ repos: [repo] })
    using machine = newMachine(hub.url)
    const disk = newDisk('13m')
    const result = await runDfhf(machine, ['snapshot', 'o/r', '--cache-dir', disk])
    expect(failureOf(result, 7)).toMatch(/not enough space at .*: 18\.0 MB needed, 13\.\d MB free/)
    const local = await runDfhf(machine, ['snapshot', 'o/r', '--local-dir', join(disk, 'here')])
    expect(failureOf(local, 7)).toContain('18.0 MB needed')
    expect(hub.stats().cdn.requests).toBe(0)
    expect(partialsIn(disk)).toEqual([])
    expect(cacheFaults(disk)).toEqual(["here in the cache's root"])
  })

  test('does for what is missing of it', async () => {
    await using hub = await startTestHub({ repos: [repo] })
    using machine = newMachine(hub.url)
    const disk = newDisk('21m')
    for (const args of [
      ['download', 'o/r', 'a'],
      ['snapshot', 'o/r'],
    ]) {
      const result = await runDfhf(machine, [...args, '--cache-dir', disk])
      expect(result.code, result.stderr).toBe(0)
    }
    expect(cacheFaults(disk)).toEqual([])
  })

  test('does for what a killed run has left to fetch', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(20_000_000)], rates: { cdn: 10_000_000 } })
    using machine = newMachine(hub.url)
    const args = ['snapshot', 'o/r', '--connections', '1', '--cache-dir', newDisk('22m')]
    await using first = await startDfhf(machine, args)
    await hub.until(() => sentOf(hub) > 10_000_000)
    first.kill('SIGKILL')
    await first.result
    const result = await runDfhf(machine, args)
    expect(result.code, result.stderr).toBe(0)
  })

  test('does for what twins take once', async () => {
    const twins = Object.fromEntries(names.map((name) => [name, { seed: 'twin', size, lfs: true }]))
    await using hub = await startTestHub({ repos: [{ id: 'o/r', commits: [twins] }] })
    using machine = newMachine(hub.url)
    const result = await runDfhf(machine, ['snapshot', 'o/r', '--cache-dir', newDisk('8m')])
    expect(result.code, result.stderr).toBe(0)
  })

  test('does for what the store of a daemon on it has already', async () => {
    await using hub = await startTestHub({ repos: [repo] })
    using machine = newMachine(hub.url)
    const disk = newDisk('23m')
    const store = join(disk, 'store')
    const args = ['serve', '--gateway', '127.0.0.1:0', '--store-dir', store, '--min-free', '0']
    await using running = await startDfhf(machine, args)
    const port = await running.told(/Hub mirror and proxy on http:.*:(\d+)\n/)
    for (const name of names) await (await fetch(`http://127.0.0.1:${port}/o/r/resolve/main/${name}`)).bytes()
    running.kill('SIGTERM')
    await running.result
    const options = ['--cache-dir', join(disk, 'hub'), '--store-dir', store]
    const result = await runDfhf(machine, ['snapshot', 'o/r', ...options, '--json'])
    expect(result.code, result.stderr).toBe(0)
    expect(JSON.parse(result.stdout).bytes).toEqual({ hub: 0, peers: 0, local: 3 * size })
  })
})
