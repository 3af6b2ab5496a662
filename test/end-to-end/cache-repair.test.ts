import { expect, setDefaultTimeout, test } from 'bun:test'
import { link, open, readFile, readlink, realpath, rm, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { startNode } from '../support/gateway/gateway-node.ts'
import { startTestHub, type TestHub } from '../support/hub/test-hub.ts'
import { type RunOptions, runDfhf, startDfhf } from '../support/program/binary.ts'
import { type Machine, newMachine } from '../support/program/machine.ts'
import { oidOf } from '../support/program/weights.ts'

setDefaultTimeout(60_000)
const MIB = 2 ** 20
const size = 64 * MIB
/** The blob's pieces are that large. */
const pieceSize = MIB
const repo = { id: 'o/m', commits: [{ w: { seed: 'w', size, lfs: true } }] }
const sharing = { env: { DFHF_NO_PEERS: undefined, DFHF_NO_MULTICAST: '1' } } satisfies RunOptions

/** Turns one byte over, in the 41st piece. */
async function rot(path: string): Promise<void> {
  await using handle = await open(path, 'r+')
  const byte = Buffer.alloc(1)
  await handle.read(byte, 0, 1, 40 * MIB + 12_345)
  await handle.write(Uint8Array.of((byte[0] ?? 0) ^ 1), 0, 1, 40 * MIB + 12_345)
}

async function holds(hub: TestHub, path: string): Promise<boolean> {
  return new Bun.CryptoHasher('sha256').update(await readFile(path)).digest('hex') === oidOf(hub, 'w', 'o/m')
}

async function downloaded(machine: Machine): Promise<string> {
  return (await runDfhf(machine, ['download', 'o/m', 'w'])).stdout.trim()
}

/** As if another program had written the blob: nothing is remembered of its pieces. */
async function forgetSums(machine: Machine): Promise<void> {
  await rm(join(machine.folder, 'hf/dfhf'), { recursive: true, force: true })
}

/** Repairs the cache and tells how many of the blob's bytes the Hub sent, and how many came in all. */
async function repair(hub: TestHub, machine: Machine, args: readonly string[] = [], options?: RunOptions) {
  hub.resetStats()
  const result = await runDfhf(machine, ['cache', 'verify', '--repair', '--json', ...args], options)
  expect(result).toMatchObject({ code: 0 })
  const [repaired] = JSON.parse(result.stdout).wrong
  expect(repaired).toMatchObject({ remedy: 'fetched anew' })
  const sent = hub.stats().oids[oidOf(hub, 'w', 'o/m')]?.bodyBytes ?? 0
  expect(repaired.bytes.hub).toBe(sent)
  return { sent, fetched: repaired.bytes.hub + repaired.bytes.peers }
}

test('a blob with one wrong byte is repaired by the one piece, and what leads to it stays right', async () => {
  await using hub = await startTestHub({ repos: [repo] })
  using machine = newMachine(hub.url)
  const path = await downloaded(machine)
  const blob = await realpath(path)
  const second = `${machine.folder}/second-name`
  await link(blob, second)
  await rot(blob)
  const target = await readlink(path)
  expect(await repair(hub, machine)).toEqual({ sent: pieceSize, fetched: pieceSize })
  expect([await readlink(path), await realpath(path)]).toEqual([target, blob])
  expect([await holds(hub, path), await holds(hub, second)]).toEqual([true, false])
  expect((await runDfhf(machine, ['cache', 'verify'])).code).toBe(0)
})

test('a blob of another program is repaired by pieces once verify has read it while it was right', async () => {
  await using hub = await startTestHub({ repos: [repo] })
  using machine = newMachine(hub.url)
  const path = await downloaded(machine)
  await forgetSums(machine)
  expect((await runDfhf(machine, ['cache', 'verify'])).code).toBe(0)
  await rot(await realpath(path))
  expect(await repair(hub, machine)).toEqual({ sent: pieceSize, fetched: pieceSize })
  expect(await holds(hub, path)).toBe(true)
})

test('where nothing is remembered of its pieces, a peer tells which one is wrong', async () => {
  await using hub = await startTestHub({ repos: [repo] })
  using machine = newMachine(hub.url)
  using other = newMachine(hub.url)
  const path = await downloaded(machine)
  await forgetSums(machine)
  await rot(await realpath(path))
  await downloaded(other)
  const flags = ['--listen', '127.0.0.1:0', '--gateway', 'off', '--min-free', '0']
  await using peer = await startDfhf(other, ['serve', ...flags], sharing)
  const seeds = `127.0.0.1:${await peer.told(/to peers on port (\d+)\n/)}`
  const repaired = await repair(hub, machine, ['--seeds', seeds], sharing)
  expect(repaired).toEqual({ sent: pieceSize, fetched: pieceSize })
  expect(await holds(hub, path)).toBe(true)
})

test('with the Hub alone and nothing remembered, no byte of it is fetched twice', async () => {
  await using hub = await startTestHub({ repos: [repo] })
  using machine = newMachine(hub.url)
  const path = await downloaded(machine)
  await forgetSums(machine)
  await rot(await realpath(path))
  expect(await repair(hub, machine)).toEqual({ sent: size, fetched: size })
  expect(await holds(hub, path)).toBe(true)
})

test('a blob that cannot be read counts as wrong, and the others are read all the same', async () => {
  await using hub = await startTestHub({ repos: [repo] })
  using machine = newMachine(hub.url)
  const blob = await realpath(await downloaded(machine))
  const unreadable = join(dirname(blob), '0'.repeat(64))
  await symlink('/proc/self/mem', unreadable)
  const { code, stdout } = await runDfhf(machine, ['cache', 'verify', '--json'])
  expect([code, JSON.parse(stdout)]).toMatchObject([5, { checked: 2, wrong: [{ path: unreadable }] }])
})

test('a wrong blob of the store is repaired by pieces from a repo for which it was fetched', async () => {
  await using hub = await startTestHub({ repos: [repo] })
  await using node = await startNode(hub.url)
  const read = async () => (await (await fetch(`${node.url}/o/m/resolve/main/w`)).bytes()).length
  expect(await read()).toBe(size)
  const oid = oidOf(hub, 'w', 'o/m')
  const stored = join(node.machine.folder, 'hf/dfhf/store', oid.slice(0, 2), oid)
  await rot(stored)
  expect(await repair(hub, node.machine)).toEqual({ sent: pieceSize, fetched: pieceSize })
  expect(await holds(hub, stored)).toBe(true)
  hub.resetStats()
  expect(await read()).toBe(size)
  expect(hub.stats().oids).toEqual({})
})
