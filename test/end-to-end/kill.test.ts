import { expect, setDefaultTimeout, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pieceSizeOf } from '../../src/blob/pieces.ts'
import { startTestHub, type TestHub } from '../hub/test-hub.ts'
import { runSeed, seededRandom } from '../storage/sample-blob.ts'
import { runDfhf, startDfhf } from './binary.ts'
import { cacheFaults, partialsIn } from './cache-check.ts'
import { type Machine, newMachine } from './machine.ts'
import { downloadWeights, expectExact, isExact, sentOf, weightsRepo } from './weights.ts'

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

test('a snapshot killed at random instants, also at the very end, leaves nothing wrong', async () => {
  const random = seededRandom(seed + 1)
  const files = Object.fromEntries(
    ['a.bin', 'b.bin', 'sub/c.bin'].map(
      (name) => [name, { seed: name, size: 3_000_000, lfs: true }] as const,
    ),
  )
  const size = 9_000_000
  await using hub = await startTestHub({
    repos: [
      {
        id: 'o/r',
        commits: [
          { ...files, 'config.json': '{}', 'sub/copy.bin': { seed: 'a.bin', size: 3_000_000, lfs: true } },
        ],
      },
    ],
    rates: { cdn: 60_000_000 },
  })
  for (let round = 0; round < 10; round += 1) {
    using machine = newMachine(hub.url)
    // From before the first byte to after the last: then files are hashed, renamed and linked.
    await killAfter(hub, machine, ['snapshot', 'o/r'], Math.min(size, random() * 1.5 * size))
    expect(cacheFaults(machine.cache, { mayHavePartials: true })).toEqual([])
    const result = await runDfhf(machine, ['snapshot', 'o/r'])
    expect(result.code, result.stderr).toBe(0)
    for (const path of hub.repo('o/r').resolve('main')?.files.keys() ?? []) {
      expect(isExact(hub, join(result.stdout.trimEnd(), path), path)).toBe(true)
    }
    expect(cacheFaults(machine.cache)).toEqual([])
    expect(readdirSync(join(machine.cache, 'models--o--r/blobs'))).toHaveLength(4)
  }
})
