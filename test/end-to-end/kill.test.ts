import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pieceSizeOf } from '../../src/blob/pieces.ts'
import { startTestHub, type TestHub } from '../support/hub/test-hub.ts'
import { runDfhf, startDfhf } from '../support/program/binary.ts'
import { cacheFaults, partialsIn } from '../support/program/cache-check.ts'
import { type Machine, newMachine } from '../support/program/machine.ts'
import { downloadWeights, expectExact, isExact, sentOf, weightsRepo } from '../support/program/weights.ts'
import { runSeed, seededRandom } from '../support/random/seeded-random.ts'

setDefaultTimeout(120_000)
const CONNECTIONS = 4
const seed = runSeed()
process.stderr.write(`kill -9 of dfhf: DFHF_TEST_SEED=${seed}\n`)

/** Starts dfhf and kills it when the Hub has sent `count` more bytes; false when it was done before. */
async function killAfter(
  hub: TestHub,
  machine: Machine,
  args: readonly string[],
  count: number,
): Promise<boolean> {
  const mark = hub.stats().cdn.bodyBytes + count
  await using running = await startDfhf(machine, [...args, '--connections', String(CONNECTIONS)])
  const isKilled = await Promise.race([
    hub.until(({ cdn }) => cdn.bodyBytes >= mark).then(() => true),
    running.result.then(() => false),
  ])
  if (isKilled) running.kill('SIGKILL')
  await running.result
  return isKilled
}

test('a download killed 50 times at random instants ends with the right bytes, and fetches no verified piece twice', async () => {
  const random = seededRandom(seed)
  const size = 160 * 2 ** 20 + 12_345
  const piece = pieceSizeOf(size)
  const kills = 50
  await using hub = await startTestHub({ repos: [weightsRepo(size)], rates: { cdn: 60_000_000 } })
  using machine = newMachine(hub.url)
  for (let kill = 0; kill < kills; kill += 1) {
    expect(await killAfter(hub, machine, downloadWeights, random() * 5 * 2 ** 20)).toBe(true)
    expect(cacheFaults(machine.cache, { mayHavePartials: true })).toEqual([])
    expect(partialsIn(machine.folder).length).toBeLessThanOrEqual(2)
  }
  expectExact(hub, await runDfhf(machine, downloadWeights))
  expect(cacheFaults(machine.cache)).toEqual([])
  const sent = sentOf(hub)
  process.stderr.write(`kill -9 of dfhf: ${(sent / size).toFixed(2)} x the size came from the Hub\n`)
  expect(sent).toBeLessThan(1.05 * size + kills * CONNECTIONS * piece)
})

describe('a snapshot killed at random instants, also at the very end', () => {
  const names = ['a.bin', 'b.bin', 'sub/c.bin']
  const large = (seed: string) => ({ seed, size: 3_000_000, lfs: true })
  const files = Object.fromEntries(names.map((name) => [name, large(name)]))
  const repo = { id: 'o/r', commits: [{ ...files, 'config.json': '{}', 'sub/copy.bin': large('a.bin') }] }
  const size = 9_000_000

  /** Kills one snapshot, runs it again, and gives the folder where every file must be. */
  async function killOnce(hub: TestHub, machine: Machine, random: number, flags: string[]): Promise<string> {
    // From before the first byte to after the last: then files are hashed, renamed and linked.
    await killAfter(hub, machine, ['snapshot', 'o/r', ...flags], Math.min(size, random * 1.5 * size))
    expect(cacheFaults(machine.cache, { mayHavePartials: true })).toEqual([])
    const result = await runDfhf(machine, ['snapshot', 'o/r', ...flags])
    expect(result.code, result.stderr).toBe(0)
    expect(result.stdout, result.stderr).not.toBe('')
    const folder = result.stdout.trimEnd()
    for (const path of hub.repo('o/r').resolve('main')?.files.keys() ?? []) {
      expect([path, isExact(hub, join(folder, path), path)]).toEqual([path, true])
    }
    expect(cacheFaults(machine.cache)).toEqual([])
    return folder
  }

  test('leaves nothing wrong in the cache', async () => {
    const random = seededRandom(seed + 1)
    await using hub = await startTestHub({ repos: [repo], rates: { cdn: 60_000_000 } })
    for (let round = 0; round < 10; round += 1) {
      using machine = newMachine(hub.url)
      await killOnce(hub, machine, random(), [])
      expect(readdirSync(join(machine.cache, 'models--o--r/blobs'))).toHaveLength(4)
    }
  })

  test('leaves nothing wrong in a local folder', async () => {
    const random = seededRandom(seed + 2)
    await using hub = await startTestHub({ repos: [repo], rates: { cdn: 60_000_000 } })
    for (let round = 0; round < 10; round += 1) {
      using machine = newMachine(hub.url)
      const folder = await killOnce(hub, machine, random(), ['--local-dir', 'here'])
      expect(partialsIn(folder)).toEqual([])
    }
  })
})
