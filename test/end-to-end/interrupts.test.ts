import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { startTestHub } from '../support/hub/test-hub.ts'
import { runDfhf, startDfhf } from '../support/program/binary.ts'
import { cacheFaults, partialsIn } from '../support/program/cache-check.ts'
import { failureOf } from '../support/program/failure.ts'
import { newMachine } from '../support/program/machine.ts'
import { downloadWeights, expectExact, sentOf, weightsRepo } from '../support/program/weights.ts'

setDefaultTimeout(60_000)
const size = 24_000_000
const piece = 2 ** 20
const repos = [weightsRepo(size)]
const stopped = { match: { side: 'cdn' }, skip: 4, stallAfter: 2_500_000 } as const

describe('a signal', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)(
    '%s ends a download though the network stands still, and the next run goes on',
    async (signal, code) => {
      await using hub = await startTestHub({ repos })
      using machine = newMachine(hub.url)
      const fault = hub.addFault(stopped)
      await using running = await startDfhf(machine, [...downloadWeights, '--connections', '4'])
      // A connection asks for more when the piece before is on disk.
      await hub.until(({ cdn }) => cdn.requests >= 6 && cdn.bodyBytes >= 4 * piece + stopped.stallAfter)
      running.kill(signal)
      const line = failureOf(await running.result, code)
      expect(line).toContain('interrupted; what was fetched is kept')
      expect(cacheFaults(machine.cache, { mayHavePartials: true })).toEqual([])
      expect(partialsIn(machine.folder)).toHaveLength(2)
      fault.remove()
      const again = await runDfhf(machine, [...downloadWeights, '--json'])
      expect(JSON.parse(again.stdout).bytes.hub).toBeLessThanOrEqual(size - 2 * piece)
      expectExact(hub, await runDfhf(machine, downloadWeights))
      expect(partialsIn(machine.folder)).toEqual([])
    },
  )

  test('ends a snapshot with several files on their way', async () => {
    const files = ['a', 'b', 'c'].map((name) => [name, { seed: name, size: 4_000_000, lfs: true }] as const)
    await using hub = await startTestHub({
      repos: [{ id: 'o/r', commits: [Object.fromEntries(files)] }],
      rates: { cdn: 4_000_000 },
    })
    using machine = newMachine(hub.url)
    await using running = await startDfhf(machine, ['snapshot', 'o/r'])
    await hub.until(({ cdn }) => cdn.bodyBytes > 2_000_000)
    running.kill('SIGINT')
    failureOf(await running.result, 130)
    hub.faults.setRates({})
    expect((await runDfhf(machine, ['snapshot', 'o/r'])).code).toBe(0)
    expect(cacheFaults(machine.cache)).toEqual([])
  })

  test('ends a pause between two tries', async () => {
    await using hub = await startTestHub({
      repos,
      faults: [{ status: 429, headers: { 'Retry-After': '300' } }],
    })
    using machine = newMachine(hub.url)
    await using running = await startDfhf(machine, downloadWeights)
    await running.said('trying again')
    running.kill('SIGINT')
    failureOf(await running.result, 130)
  })

  test('ends the wait for another dfhf that fetches the same file, which goes on', async () => {
    await using hub = await startTestHub({ repos })
    using machine = newMachine(hub.url)
    const fault = hub.addFault(stopped)
    await using first = await startDfhf(machine, downloadWeights)
    await hub.until(({ cdn }) => cdn.bodyBytes >= stopped.stallAfter)
    await using second = await startDfhf(machine, downloadWeights)
    await second.said('waiting for')
    second.kill('SIGINT')
    failureOf(await second.result, 130)
    fault.remove()
    expectExact(hub, await first.result)
  })

  test('that comes with another one ends it all the same, and the next run goes on', async () => {
    await using hub = await startTestHub({ repos, rates: { cdn: 20_000_000 } })
    using machine = newMachine(hub.url)
    await using running = await startDfhf(machine, downloadWeights)
    await hub.until(({ cdn }) => cdn.bodyBytes > 4 * piece)
    running.kill('SIGSTOP')
    running.kill('SIGINT')
    running.kill('SIGTERM')
    running.kill('SIGCONT')
    expect([130, 143]).toContain((await running.result).code)
    expect(cacheFaults(machine.cache, { mayHavePartials: true })).toEqual([])
    hub.faults.setRates({})
    expectExact(hub, await runDfhf(machine, downloadWeights))
    expect(sentOf(hub)).toBeLessThan(2 * size)
  })
})
