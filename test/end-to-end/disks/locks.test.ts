import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { hasPrograms } from '../../support/gateway/requirements.ts'
import { startTestHub } from '../../support/hub/test-hub.ts'
import { startDfhf } from '../../support/program/binary.ts'
import { cacheFaults, partialsIn } from '../../support/program/cache-check.ts'
import { newMachine } from '../../support/program/machine.ts'
import { downloadWeights, expectExact, sentOf, weightsRepo } from '../../support/program/weights.ts'

setDefaultTimeout(120_000)
const size = 24_000_000
/** What flock(2) does on Lustre, GPFS and some NFS: it gives the lock to every process, or says that there is none. */
const locks = { 'lock nothing': 'retval=0', 'are not there': 'error=ENOSYS' } as const
const underStrace = (inject: string) => [
  'strace',
  '-f',
  '-qq',
  '-e',
  'trace=flock',
  '-e',
  `inject=flock:${inject}`,
  '-o',
  '/dev/null',
]

describe.skipIf(!hasPrograms('strace')).each(Object.entries(locks))('where locks %s', (_what, inject) => {
  test('three processes that fetch one file into one cache all end well', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(size)], rates: { cdn: 12_000_000 } })
    using machine = newMachine(hub.url)
    const prefix = underStrace(inject)
    await using stack = new AsyncDisposableStack()
    const first = stack.use(await startDfhf(machine, downloadWeights, { prefix }))
    await hub.until(() => sentOf(hub) > size / 4)
    const others = [1, 2].map(() => startDfhf(machine, downloadWeights, { prefix }))
    const running = [first, ...(await Promise.all(others)).map((each) => stack.use(each))]
    for (const each of running) expectExact(hub, await each.result)
    expect(cacheFaults(machine.cache)).toEqual([])
    expect(partialsIn(machine.folder)).toEqual([])
  })

  test('a process beside one that has locks writes to a file of its own', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(size)], rates: { cdn: 12_000_000 } })
    using machine = newMachine(hub.url)
    await using first = await startDfhf(machine, downloadWeights, { prefix: underStrace(inject) })
    await hub.until(() => sentOf(hub) > size / 4)
    await using second = await startDfhf(machine, downloadWeights)
    for (const each of [first, second]) expectExact(hub, await each.result)
    expect(partialsIn(join(machine.cache))).toEqual([])
  })

  test('a killed download goes on from what is there', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(size)], rates: { cdn: 12_000_000 } })
    using machine = newMachine(hub.url)
    const prefix = underStrace(inject)
    await using first = await startDfhf(machine, [...downloadWeights, '--connections', '2'], { prefix })
    await hub.until(() => sentOf(hub) > size / 2)
    first.kill('SIGKILL')
    await first.result
    await using second = await startDfhf(machine, downloadWeights, { prefix })
    expectExact(hub, await second.result)
    expect(sentOf(hub)).toBeLessThan(1.3 * size)
  })
})
