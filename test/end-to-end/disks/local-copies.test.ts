import { expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { startTestHub } from '../../support/hub/test-hub.ts'
import { runDfhf } from '../../support/program/binary.ts'
import { newMachine } from '../../support/program/machine.ts'
import { downloadWeights, expectExact, sentOf, weightsRepo } from '../../support/program/weights.ts'

setDefaultTimeout(60_000)
const size = 6_000_000

test('a blob of the cache is copied into a local folder without asking the Hub for its bytes', async () => {
  await using hub = await startTestHub({ repos: [weightsRepo(size)] })
  using machine = newMachine(hub.url)
  expectExact(hub, await runDfhf(machine, downloadWeights))
  expectExact(hub, await runDfhf(machine, [...downloadWeights, '--local-dir', 'here']))
  expect(sentOf(hub)).toBe(size)
})

test('one that does not hold what its name says is not copied, but fetched', async () => {
  await using hub = await startTestHub({ repos: [weightsRepo(size)] })
  using machine = newMachine(hub.url)
  const cached = await runDfhf(machine, downloadWeights)
  const blob = realpathSync(cached.stdout.trimEnd())
  const bytes = readFileSync(blob)
  bytes[3_000_000] = (bytes[3_000_000] ?? 0) ^ 1
  writeFileSync(blob, bytes)
  expectExact(hub, await runDfhf(machine, [...downloadWeights, '--local-dir', 'here']))
  expect(sentOf(hub)).toBe(2 * size)
})
