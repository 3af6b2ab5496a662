import { expect, setDefaultTimeout, test } from 'bun:test'
import { connect, type Socket } from 'node:net'
import { eventually } from '../../support/gateway/eventually.ts'
import { startTestHub } from '../../support/hub/test-hub.ts'
import { startDfhf } from '../../support/program/binary.ts'
import { newMachine } from '../../support/program/machine.ts'
import { outwardAddress } from '../../support/program/outward-address.ts'

setDefaultTimeout(60_000)
const size = 3_000_000
const repo = { id: 'o/r', commits: [{ w: { seed: 'w', size, lfs: true } }] }
const env = { DFHF_NO_PEERS: undefined, DFHF_NO_MULTICAST: '1' }
/** Few, so that a test can open more. */
const prefix = ['prlimit', '--nofile=1024:1024']

/** Connections that ask nothing. */
function crowd(host: string, port: string, count: number) {
  const open = new Set<Socket>()
  for (let each = 0; each < count; each += 1) {
    const socket = connect(Number(port), host)
    open.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
    socket.resume()
  }
  return {
    open,
    [Symbol.dispose]() {
      for (const socket of open) socket.destroy()
    },
  }
}

async function startNode(machine: ReturnType<typeof newMachine>) {
  const flags = ['--listen', '0.0.0.0:0', '--gateway', '127.0.0.1:0', '--min-free', '0']
  const node = await startDfhf(machine, ['serve', ...flags], { env, prefix })
  const gateway = await node.told(/proxy on (http:\S+)\n/)
  const port = await node.told(/to peers on port (\d+)\n/)
  const read = () =>
    fetch(`${gateway}/o/r/resolve/main/w`).then(
      async (answer) => (await answer.bytes()).length,
      () => 0,
    )
  return { node, port, read, [Symbol.asyncDispose]: () => node[Symbol.asyncDispose]() }
}

test.skipIf(outwardAddress === undefined)(
  'a machine that opens more connections than the process may have files keeps a part of them',
  async () => {
    await using hub = await startTestHub({ repos: [repo] })
    using machine = newMachine(hub.url)
    await using node = await startNode(machine)
    using many = crowd(outwardAddress ?? '', node.port, 1_200)
    await eventually(
      async () => many.open.size,
      (open) => open <= 256,
    )
    expect(many.open.size).toBeGreaterThan(0)
    expect(await node.read()).toBe(size)
    expect(node.node.stderr()).toContain(`closed connections of ${outwardAddress}, which held more than 256`)
  },
)

test('a process that may open no more files goes on once it may', async () => {
  await using hub = await startTestHub({ repos: [repo] })
  using machine = newMachine(hub.url)
  await using node = await startNode(machine)
  {
    // This machine's own connections have no bound.
    using many = crowd('127.0.0.1', node.port, 1_200)
    expect(many.open.size).toBe(1_200)
    await Bun.sleep(3_000)
  }
  await eventually(node.read, (length) => length === size)
})
