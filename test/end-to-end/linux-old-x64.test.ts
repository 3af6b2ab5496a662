import { expect, setDefaultTimeout, test } from 'bun:test'
import { startTestHub } from '../support/hub/test-hub.ts'
import { runDfhf } from '../support/program/binary.ts'
import { newMachine } from '../support/program/machine.ts'
import { downloadWeights, expectExact, sentOf, weightsRepo } from '../support/program/weights.ts'

// An emulated processor is slow.
setDefaultTimeout(300_000)

/** The oldest one that Bun's "baseline" is for: no AVX, and no instructions for sha256. */
const prefix = ['qemu-x86_64', '-cpu', 'Nehalem']

/** Whether this machine can run its own binary as on an older processor; where it cannot, CI must not be silent. */
function canBeOld(): boolean {
  if (process.platform !== 'linux' || process.arch !== 'x64') return false
  if (Bun.which('qemu-x86_64') !== null) return true
  if (process.env.CI === 'true') throw new Error('an older processor needs qemu-x86_64 (qemu-user)')
  process.stderr.write('skipped: an older processor needs qemu-x86_64 (qemu-user)\n')
  return false
}

test.skipIf(!canBeOld())('the binary for linux-x64 gets a file on a processor of 2008', async () => {
  await using hub = await startTestHub({ repos: [weightsRepo(3_000_000)] })
  using machine = newMachine(hub.url)
  expectExact(hub, await runDfhf(machine, downloadWeights, { prefix }))
  expect(sentOf(hub)).toBe(3_000_000)
})
