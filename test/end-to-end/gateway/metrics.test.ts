import { expect, setDefaultTimeout, test } from 'bun:test'
import { eventually } from '../../support/gateway/eventually.ts'
import { type GatewayNode, startNode } from '../../support/gateway/gateway-node.ts'
import { startTestHub } from '../../support/hub/test-hub.ts'
import { runDfhf, startDfhf } from '../../support/program/binary.ts'
import { newMachine } from '../../support/program/machine.ts'

setDefaultTimeout(60_000)
const size = 3_000_000
const repo = {
  id: 'o/r',
  commits: [{ w: { seed: 'w', size, lfs: true }, v: { seed: 'v', size, lfs: true } }],
}
/** Longer than the pause after which the Hub is asked again with patience. */
const PAUSE_MS = 5_500

/** The numbers of a node by name, those without labels alone. */
async function numbersOf(node: { readonly url: string }): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`${node.url}/metrics`)).text()
  return new Map([...text.matchAll(/^(\w+) (\S+)$/gm)].map(([, name = '', value]) => [name, Number(value)]))
}

async function read(node: GatewayNode, file: string): Promise<number> {
  return (await (await fetch(`${node.url}/o/r/resolve/main/${file}`)).bytes()).length
}

test('no upload counts as under way once a peer has what it asked for', async () => {
  await using hub = await startTestHub({ repos: [repo] })
  await using holder = await startNode(hub.url, { seeds: [] })
  expect(await read(holder, 'w')).toBe(size)
  await using node = await startNode(hub.url, { seeds: [holder.peerAddress ?? ''] })
  expect(await read(node, 'w')).toBe(size)
  await eventually(
    async () => (await numbersOf(holder)).get('dfhf_uploaded_bytes_total') ?? 0,
    (bytes) => bytes >= size,
  )
  await eventually(
    async () => (await numbersOf(holder)).get('dfhf_uploads'),
    (uploads) => uploads === 0,
  )
})

test('the Hub counts as away from a failure until it has answered again', async () => {
  await using hub = await startTestHub({ repos: [repo] })
  await using node = await startNode(hub.url)
  const isUp = async () => (await numbersOf(node)).get('dfhf_hub_up')
  expect(await isUp()).toBe(1)
  const fault = hub.addFault({ match: { side: 'hub' }, status: 500 })
  await read(node, 'w')
  expect(await isUp()).toBe(0)
  await Bun.sleep(PAUSE_MS)
  expect(await isUp()).toBe(0)
  fault.remove()
  expect(await read(node, 'v')).toBe(size)
  expect(await isUp()).toBe(1)
})

test('so it does on a node without a gateway, by the requests of the node itself', async () => {
  await using hub = await startTestHub({ repos: [repo] })
  using machine = newMachine(hub.url)
  const fault = hub.addFault({ match: { side: 'hub' }, status: 500 })
  const flags = [
    '--gateway',
    'off',
    '--metrics',
    '127.0.0.1:0',
    '--listen',
    '127.0.0.1:0',
    '--fetch-for-peers',
  ]
  const env = { DFHF_NO_PEERS: undefined, DFHF_NO_MULTICAST: '1', DFHF_PIN: 'o/r' }
  await using node = await startDfhf(machine, ['serve', ...flags], { env })
  const url = await node.told(/metrics and probes on (http:\S+)\n/)
  const peer = await node.told(/to peers on port (\d+)\n/)
  const isUp = async () => (await numbersOf({ url })).get('dfhf_hub_up')
  await eventually(isUp, (up) => up === 0)
  fault.remove()
  using other = newMachine(hub.url)
  const command = ['download', 'o/r', 'w', '--seeds', `127.0.0.1:${peer}`, '--origin', 'seeds']
  const peers = { DFHF_NO_PEERS: undefined, DFHF_NO_MULTICAST: '1' }
  expect(await runDfhf(other, command, { env: peers })).toMatchObject({ code: 0 })
  expect(await isUp()).toBe(1)
})
