import { afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { execFileSync } from 'node:child_process'
import { lchownSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { canMountSmallDisk, smallDisks } from '../../support/files/small-disk.ts'
import { startTestHub } from '../../support/hub/test-hub.ts'
import { runDfhf, startDfhf } from '../../support/program/binary.ts'
import { partialsIn } from '../../support/program/cache-check.ts'
import { failureOf } from '../../support/program/failure.ts'
import { hasHf, hfSnapshot } from '../../support/program/hf.ts'
import { type Machine, newMachine } from '../../support/program/machine.ts'
import { STRANGER } from '../../support/program/other-user.ts'
import { isExact, sentOf, weightsRepo } from '../../support/program/weights.ts'

setDefaultTimeout(120_000)
const size = 6_000_000
const elsewhere: string[] = []
afterEach(() => {
  for (const folder of elsewhere.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function outside(): string {
  const folder = mkdtempSync(join(tmpdir(), 'dfhf-outside-'))
  elsewhere.push(folder)
  return folder
}

/** Makes `path` a link to a folder, as the owner of a cache does whose first disk is full. */
function link(path: string, target: string): void {
  mkdirSync(dirname(path), { recursive: true })
  symlinkSync(target, path)
}

const repo = () => weightsRepo(size)
const nested = () => ({
  id: 'o/r',
  commits: [{ 'sub/w': { seed: 'weights', size, lfs: true }, 'sub/t': 'text\n' }],
})

/** What stands in a cache of which a part is a link to another disk must be a whole snapshot. */
async function expectSnapshot(
  machine: Machine,
  hub: Awaited<ReturnType<typeof startTestHub>>,
  flags: readonly string[],
) {
  for (const more of [[], [], ['--offline']]) {
    const result = await runDfhf(machine, ['snapshot', 'o/r', ...flags, ...more])
    expect(result.code, result.stderr).toBe(0)
    expect(isExact(hub, join(result.stdout.trimEnd(), 'w'))).toBe(true)
    expect(isExact(hub, join(result.stdout.trimEnd(), 't'), 't')).toBe(true)
  }
  expect(partialsIn(machine.folder)).toEqual([])
}

describe.skipIf(!canMountSmallDisk)('a link to another disk that the owner of the cache made', () => {
  const newDisk = smallDisks()
  const places = ['', '/blobs', '/snapshots', '/refs', '/trees']

  test.each(
    places.flatMap((place) => [
      { place, flags: [] },
      { place, flags: ['--no-symlinks'] },
    ]),
  )('in the place of models--o--r$place is followed: $flags', async ({ place, flags }) => {
    await using hub = await startTestHub({ repos: [repo()] })
    using machine = newMachine(hub.url)
    const path = join(machine.cache, `models--o--r${place}`)
    link(path, newDisk('40m'))
    await expectSnapshot(machine, hub, flags)
    expect(lstatSync(path).isSymbolicLink()).toBe(true)
    expect(hub.stats().cdn.bodyBytes).toBeLessThan(1.1 * size)
  })

  test.skipIf(!hasHf).each(['', '/blobs'])(
    'in the place of models--o--r%s: as huggingface_hub',
    async (place) => {
      await using hub = await startTestHub({ repos: [repo()] })
      using mine = newMachine(hub.url)
      using theirs = newMachine(hub.url)
      for (const machine of [mine, theirs]) link(join(machine.cache, `models--o--r${place}`), newDisk('40m'))
      await expectSnapshot(mine, hub, [])
      expect(await hfSnapshot(theirs, { repo_id: 'o/r' })).toStartWith(theirs.cache)
      // Each reads what the other one put there.
      await expectSnapshot(theirs, hub, [])
      expect(await hfSnapshot(mine, { repo_id: 'o/r' }, { env: { HF_HUB_OFFLINE: '1' } })).toStartWith(
        mine.cache,
      )
    },
  )

  test('inside --local-dir is followed, and only the disk that it leads to needs room', async () => {
    await using hub = await startTestHub({ repos: [nested()] })
    using machine = newMachine(hub.url)
    const here = newDisk('2m')
    link(join(here, 'sub'), newDisk('40m'))
    const args = ['snapshot', 'o/r', '--local-dir', here]
    const result = await runDfhf(machine, args)
    expect(result.code, result.stderr).toBe(0)
    expect(isExact(hub, join(here, 'sub/w'), 'sub/w')).toBe(true)
    expect(readdirSync(join(here, 'sub')).sort()).toEqual(['t', 'w'])
    expect(partialsIn(here)).toEqual([])
    expect((await runDfhf(machine, [...args, '--offline'])).stdout).toBe(result.stdout)
  })

  test('inside --local-dir is followed by a run that goes on after a kill', async () => {
    await using hub = await startTestHub({ repos: [nested()], rates: { cdn: 4_000_000 } })
    using machine = newMachine(hub.url)
    const [here, disk] = [newDisk('2m'), newDisk('40m')]
    link(join(here, 'sub'), disk)
    const args = ['download', 'o/r', 'sub/w', '--local-dir', here, '--connections', '1']
    await using first = await startDfhf(machine, args)
    await hub.until(() => sentOf(hub, 'sub/w') > size / 2)
    first.kill('SIGKILL')
    await first.result
    const result = await runDfhf(machine, args)
    expect(result.code, result.stderr).toBe(0)
    expect(isExact(hub, join(here, 'sub/w'), 'sub/w')).toBe(true)
    expect(readdirSync(disk)).toEqual(['w'])
    expect(sentOf(hub, 'sub/w')).toBeLessThan(1.5 * size)
  })

  test.skipIf(!hasHf)('inside --local-dir: as huggingface_hub', async () => {
    await using hub = await startTestHub({ repos: [nested()] })
    using machine = newMachine(hub.url)
    const [mine, theirs] = [join(machine.folder, 'mine'), join(machine.folder, 'theirs')]
    for (const folder of [mine, theirs]) link(join(folder, 'sub'), newDisk('40m'))
    expect((await runDfhf(machine, ['snapshot', 'o/r', '--local-dir', mine])).stdout.trimEnd()).toBe(mine)
    expect(await hfSnapshot(machine, { repo_id: 'o/r', local_dir: theirs })).toBe(theirs)
    for (const folder of [mine, theirs]) {
      expect(readdirSync(join(folder, 'sub')).sort()).toEqual(['t', 'w'])
      expect(isExact(hub, join(folder, 'sub/w'), 'sub/w')).toBe(true)
    }
  })

  test('that stands within one disk but over a mount is followed too', async () => {
    await using hub = await startTestHub({ repos: [nested()] })
    using machine = newMachine(hub.url)
    const [here, aside] = [join(machine.folder, 'here'), join(machine.folder, 'aside')]
    for (const folder of [join(here, 'sub'), aside]) mkdirSync(folder, { recursive: true })
    execFileSync('mount', ['--bind', aside, join(here, 'sub')])
    try {
      // A rename over a mount fails though both sides are one disk.
      const result = await runDfhf(machine, ['snapshot', 'o/r', '--local-dir', here])
      expect(result.code, result.stderr).toBe(0)
      expect(isExact(hub, join(aside, 'w'), 'sub/w')).toBe(true)
      expect(partialsIn(here)).toEqual([])
    } finally {
      execFileSync('umount', [join(here, 'sub')])
    }
  })

  test('that leads to a disk which is not mounted is told in one line', async () => {
    await using hub = await startTestHub({ repos: [repo()] })
    using machine = newMachine(hub.url)
    link(join(machine.cache, 'models--o--r'), join(machine.folder, 'not-mounted'))
    expect(failureOf(await runDfhf(machine, ['snapshot', 'o/r']), 7)).toContain('leads to no folder')
  })
})

describe('a link that others may have made', () => {
  test.skipIf(!canMountSmallDisk)(
    'is refused where neither this user nor the owner of the cache made it',
    async () => {
      await using hub = await startTestHub({ repos: [repo()] })
      using machine = newMachine(hub.url)
      const target = outside()
      const path = join(machine.cache, 'models--o--r')
      link(path, target)
      lchownSync(path, STRANGER, STRANGER)
      expect(failureOf(await runDfhf(machine, ['snapshot', 'o/r']), 7)).toContain(`user ${STRANGER} made it`)
      expect(readdirSync(target)).toEqual([])
    },
  )

  test('is refused in a snapshot, where the names are a repo’s', async () => {
    await using hub = await startTestHub({ repos: [nested()] })
    using machine = newMachine(hub.url)
    const target = outside()
    const commit = hub.repo('o/r').resolve('main')?.id ?? ''
    link(join(machine.cache, 'models--o--r/snapshots', commit, 'sub'), target)
    expect(failureOf(await runDfhf(machine, ['snapshot', 'o/r']), 7)).toContain('refused to write through')
    expect(readdirSync(target)).toEqual([])
  })

  test('is refused in a clone, whose links are the repo’s', async () => {
    await using hub = await startTestHub({ repos: [nested()] })
    using machine = newMachine(hub.url)
    const target = outside()
    const here = join(machine.folder, 'clone')
    mkdirSync(join(here, '.git'), { recursive: true })
    link(join(here, 'sub'), target)
    const result = await runDfhf(machine, ['snapshot', 'o/r', '--local-dir', here])
    expect(failureOf(result, 7)).toContain('refused to write through')
    expect(readdirSync(target)).toEqual([])
  })
})
