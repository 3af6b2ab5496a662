import { expect, setDefaultTimeout, test } from 'bun:test'
import { startTestHub } from '../../support/hub/test-hub.ts'
import { type RunOptions, runDfhf, startDfhf } from '../../support/program/binary.ts'
import { failureOf } from '../../support/program/failure.ts'
import { newMachine } from '../../support/program/machine.ts'
import { downloadWeights, expectExact, weightsRepo } from '../../support/program/weights.ts'

setDefaultTimeout(60_000)
const size = 12_000_000
const sharing = { env: { DFHF_NO_PEERS: undefined, DFHF_NO_MULTICAST: '1' } } satisfies RunOptions

test('peers tell their zones, and a download takes everything from peers of its own and of others', async () => {
  await using hub = await startTestHub({ repos: [weightsRepo(size)] })
  const addresses: string[] = []
  await using stack = new AsyncDisposableStack()
  for (const zone of ['rack-1', 'rack-2']) {
    const machine = stack.use(newMachine(hub.url))
    const seeds = addresses.length > 0 ? ['--seeds', addresses.join()] : []
    const first = await runDfhf(machine, [...downloadWeights, ...seeds], sharing)
    expectExact(hub, first)
    const flags = ['--listen', '127.0.0.1:0', '--gateway', 'off', '--zone', zone]
    const node = stack.use(await startDfhf(machine, ['serve', ...flags, ...seeds], sharing))
    addresses.push(`127.0.0.1:${await node.told(/to peers on port (\d+)\n/)}`)
  }
  const zones = await Promise.all(
    addresses.map(async (address) => {
      const answer = (await (await fetch(`http://${address}/v1/peers`)).json()) as { self: { zone?: string } }
      return answer.self.zone
    }),
  )
  expect(zones).toEqual(['rack-1', 'rack-2'])
  const machine = stack.use(newMachine(hub.url))
  const command = [...downloadWeights, '--zone', 'rack-2', '--seeds', addresses.join(), '--origin', 'never']
  expectExact(hub, await runDfhf(machine, command, sharing))
})

test('a name that is no zone is refused in one line', async () => {
  using machine = newMachine('http://127.0.0.1:9')
  const result = await runDfhf(machine, [...downloadWeights, '--zone', 'rack 1'], sharing)
  expect(failureOf(result, 2)).toContain("'rack 1' is no zone")
})
