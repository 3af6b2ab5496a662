import { expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { isObject } from '../../src/base/json-object.ts'
import { eventually } from '../support/gateway/eventually.ts'
import { startTestHub } from '../support/hub/test-hub.ts'
import { type RunningDfhf, startDfhf } from '../support/program/binary.ts'
import { type Machine, newMachine } from '../support/program/machine.ts'
import { oidOf } from '../support/program/weights.ts'

setDefaultTimeout(60_000)
const size = 6_000_000
const file = (seed: string) => ({ seed, size, lfs: true })
const repos = [
  { id: 'o/pinned', commits: [{ p: file('p') }] },
  { id: 'o/other', commits: [{ a: file('a'), b: file('b') }] },
]
const flags = [
  '--listen',
  '127.0.0.1:0',
  '--gateway',
  '127.0.0.1:0',
  '--store-quota',
  '13MB',
  '--min-free',
  '0',
]
const env = { DFHF_NO_PEERS: undefined, DFHF_NO_MULTICAST: '1', DFHF_PIN: 'o/pinned' }

const start = (machine: Machine) => startDfhf(machine, ['serve', ...flags], { env })
const storedAt = ({ folder }: Machine, oid: string) =>
  existsSync(join(folder, 'hf/dfhf/store', oid.slice(0, 2), oid))

async function fetchAll(node: RunningDfhf, path: string): Promise<void> {
  const gateway = await node.told(/proxy on (http:\S+)\n/)
  const bytes = await (await fetch(`${gateway}/o/other/resolve/main/${path}`)).arrayBuffer()
  expect(bytes.byteLength).toBe(size)
}

test('a pinned revision is fetched at start, stays in a full store, and is offered after a restart as it is', async () => {
  await using hub = await startTestHub({ repos })
  using machine = newMachine(hub.url)
  const pinned = oidOf(hub, 'p', 'o/pinned')
  {
    await using node = await start(machine)
    await node.said('pinned o/pinned@main: 1 file,')
    expect(storedAt(machine, pinned)).toBe(true)
    await fetchAll(node, 'a')
    await fetchAll(node, 'b')
    expect([pinned, oidOf(hub, 'a', 'o/other')].map((oid) => storedAt(machine, oid))).toEqual([true, false])
  }
  const before = hub.requests.filter(({ side }) => side === 'cdn').length
  await using again = await start(machine)
  const port = await again.told(/to peers on port (\d+)\n/)
  // A peer without a key gets it once the Hub has said, soon after the start, that the repo is public.
  await eventually(
    async () => (await fetch(`http://127.0.0.1:${port}/v1/blobs/${pinned}/pieces`)).json(),
    (told) => isObject(told) && told.complete === true,
  )
  expect(hub.requests.filter(({ side }) => side === 'cdn').length).toBe(before)
})

test('a pin of a file is refused', async () => {
  using machine = newMachine('http://127.0.0.1:1')
  await using node = await startDfhf(machine, ['serve', '--pin', 'hf://o/r/file'], {})
  const { code, stderr } = await node.result
  expect([code, stderr]).toEqual([2, expect.stringContaining('names a file')])
})
