import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { startTestHub } from '../support/hub/test-hub.ts'
import { canRunArm64, onArm64 } from '../support/program/arm64.ts'
import { runDfhf, startDfhf } from '../support/program/binary.ts'
import { cacheFaults } from '../support/program/cache-check.ts'
import { newMachine } from '../support/program/machine.ts'
import { downloadWeights, expectExact, sentOf, weightsRepo } from '../support/program/weights.ts'

// An emulated processor is slow, and Bun for it may have to come from the registry first.
setDefaultTimeout(300_000)

/** Big enough for the hash worker. */
const repos = [weightsRepo(12_000_000)]

describe.skipIf(!canRunArm64())('the binary for linux-arm64', () => {
  test('is one for arm64, and tells the same version', async () => {
    using machine = newMachine('http://127.0.0.1:9')
    const arm64 = await onArm64()
    const EM_AARCH64 = 183
    expect(readFileSync(arm64.binary).readUInt16LE(18)).toBe(EM_AARCH64)
    expect(await runDfhf(machine, ['--version'], arm64)).toEqual(await runDfhf(machine, ['--version']))
  })

  test('gets a file, and finds it again', async () => {
    await using hub = await startTestHub({ repos })
    using machine = newMachine(hub.url)
    expectExact(hub, await runDfhf(machine, downloadWeights, await onArm64()))
    const sent = sentOf(hub)
    expectExact(hub, await runDfhf(machine, downloadWeights, await onArm64()))
    expect(sentOf(hub)).toBe(sent)
    expect(cacheFaults(machine.cache)).toEqual([])
  })

  test('serves a file to peers, and gets it from one', async () => {
    await using hub = await startTestHub({ repos })
    using holder = newMachine(hub.url)
    await runDfhf(holder, downloadWeights)
    const sent = sentOf(hub)
    const flags = ['--no-multicast', '--gateway', 'off', '--listen', '127.0.0.1:0']
    const env = { DFHF_NO_PEERS: undefined }
    await using serve = await startDfhf(holder, ['serve', ...flags], { ...(await onArm64()), env })
    const port = await serve.told(/to peers on port (\d+)\n/)
    using machine = newMachine(hub.url)
    const args = [...downloadWeights, '--origin', 'never', '--no-multicast', '--seeds', `127.0.0.1:${port}`]
    expectExact(hub, await runDfhf(machine, args, { ...(await onArm64()), env }))
    expect(sentOf(hub)).toBe(sent)
  })
})
