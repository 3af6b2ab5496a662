import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { startTestHub } from '../../support/hub/test-hub.ts'
import { startDfhf } from '../../support/program/binary.ts'
import { cacheFaults } from '../../support/program/cache-check.ts'
import { newMachine } from '../../support/program/machine.ts'
import { downloadWeights, expectExact, sentOf, weightsRepo } from '../../support/program/weights.ts'
import { clientVersions } from '../../support/python/client-versions.ts'
import { RealClient } from '../../support/python/real-client.ts'
import { clientEnv } from '../../support/python/run-python.ts'
import { canRunPython, ensureVenv } from '../../support/python/venv.ts'

setDefaultTimeout(240_000)
const size = 12_000_000
const piece = 2 ** 20
const repos = [weightsRepo(size)]
/** After the first pieces every connection stands still. */
const stopped = { match: { side: 'cdn' }, skip: 4, stallAfter: 100_000 } as const
const patient = { env: { HF_HUB_DOWNLOAD_TIMEOUT: '300' } }

describe('one file, wanted twice on one machine', () => {
  test('comes once for two dfhf', async () => {
    await using hub = await startTestHub({ repos })
    using machine = newMachine(hub.url)
    const fault = hub.addFault(stopped)
    await using first = await startDfhf(machine, downloadWeights, patient)
    await hub.until(({ cdn }) => cdn.bodyBytes > piece)
    await using second = await startDfhf(machine, downloadWeights)
    await second.said(`waiting for dfhf (pid ${first.pid})`)
    fault.remove()
    expectExact(hub, await first.result)
    expectExact(hub, await second.result)
    expect(sentOf(hub)).toBeLessThan(size * 1.5)
    expect(cacheFaults(machine.cache)).toEqual([])
  })

  test('comes once for two dfhf that start in the same instant', async () => {
    await using hub = await startTestHub({ repos })
    using machine = newMachine(hub.url)
    const [first, second] = await Promise.all([
      startDfhf(machine, downloadWeights),
      startDfhf(machine, ['snapshot', 'o/r', '--json']),
    ])
    expectExact(hub, await first.result)
    expect((await second.result).code).toBe(0)
    expect(sentOf(hub)).toBeLessThan(size * 1.5)
    expect(cacheFaults(machine.cache)).toEqual([])
  })

  test('is taken over, with what is there, from a dfhf that was killed', async () => {
    await using hub = await startTestHub({ repos })
    using machine = newMachine(hub.url)
    const fault = hub.addFault(stopped)
    await using first = await startDfhf(machine, [...downloadWeights, '--connections', '2'], patient)
    // A connection asks for more when the piece before is on disk.
    await hub.until(({ cdn }) => cdn.requests >= 5 && cdn.bodyBytes >= 4 * piece + 100_000)
    await using second = await startDfhf(machine, downloadWeights)
    await second.said(`waiting for dfhf (pid ${first.pid})`)
    first.kill('SIGKILL')
    fault.remove()
    const result = await second.result
    expectExact(hub, result)
    const [, fetched = 'nothing'] = /hub ([\d.]+) MB/.exec(result.stderr) ?? []
    expect(Number(fetched) * 1e6).toBeLessThanOrEqual(size - 3 * piece)
    expect(cacheFaults(machine.cache)).toEqual([])
  })
})

describe.skipIf(!canRunPython())('one file, wanted by dfhf and by huggingface_hub', () => {
  for (const [name, requirements] of Object.entries(clientVersions)) {
    const connect = async (endpoint: string, home: string) =>
      new RealClient(await ensureVenv(name, requirements), clientEnv({ endpoint, home }))

    test(`${name}: comes once when dfhf was first`, async () => {
      await using hub = await startTestHub({ repos })
      using machine = newMachine(hub.url)
      const client = await connect(hub.url, machine.folder)
      const fault = hub.addFault(stopped)
      await using dfhf = await startDfhf(machine, downloadWeights, patient)
      await hub.until(({ cdn }) => cdn.bodyBytes > 4 * piece)
      const other = client.download(machine.cache, { repo_id: 'o/r' }, 'w')
      // Its HEAD is the last that is heard of it before it waits for the lock.
      await hub.until(({ kinds }) => (kinds.resolve?.requests ?? 0) >= 2)
      fault.remove()
      const result = await dfhf.result
      expectExact(hub, result)
      const { path, sha256 } = await other
      expect(path).toBe(result.stdout.trimEnd())
      expect(createHash('sha256').update(readFileSync(path)).digest('hex')).toBe(sha256)
      expect(sentOf(hub)).toBeLessThan(size * 1.5)
      expect(cacheFaults(machine.cache)).toEqual([])
    })

    test(`${name}: comes once when huggingface_hub was first`, async () => {
      await using hub = await startTestHub({ repos })
      using machine = newMachine(hub.url)
      const client = await connect(hub.url, machine.folder)
      const fault = hub.addFault({ ...stopped, skip: 0 })
      const other = client.download(machine.cache, { repo_id: 'o/r' }, 'w')
      await hub.until(({ cdn }) => cdn.bodyBytes > 0)
      await using dfhf = await startDfhf(machine, downloadWeights)
      await dfhf.said('waiting for python')
      fault.remove()
      const { path } = await other
      const result = await dfhf.result
      expectExact(hub, result)
      expect(path).toBe(result.stdout.trimEnd())
      expect(sentOf(hub)).toBeLessThan(size * 1.5)
      expect(cacheFaults(machine.cache)).toEqual([])
    })
  }
})
