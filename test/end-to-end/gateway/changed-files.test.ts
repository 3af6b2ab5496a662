import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { execFileSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { withDeadline } from '../../support/gateway/deadline.ts'
import { eventually } from '../../support/gateway/eventually.ts'
import { type GatewayNode, startNode } from '../../support/gateway/gateway-node.ts'
import { startTestHub, type TestHub } from '../../support/hub/test-hub.ts'
import { runDfhf } from '../../support/program/binary.ts'
import { downloadWeights, oidOf, sentOf, weightsRepo } from '../../support/program/weights.ts'

setDefaultTimeout(60_000)
const size = 12_000_000

/** Changes one byte in place and puts the time of the last write back, as a decaying disk leaves it. */
function rot(path: string, offset = 5_000_000): void {
  execFileSync('touch', ['-r', realpathSync(path), `${path}.times`])
  const byte = readFileSync(path)[offset] ?? 0
  const file = openSync(path, 'r+')
  writeSync(file, Uint8Array.of(byte ^ 1), 0, 1, offset)
  closeSync(file)
  execFileSync('touch', ['-r', `${path}.times`, realpathSync(path)])
  rmSync(`${path}.times`)
}

function storedAt(node: GatewayNode, oid: string): string {
  return join(node.machine.folder, 'hf/dfhf/store', oid.slice(0, 2), oid)
}

/** The digest of what a client gets; undefined when the answer broke off, which no client takes for the file. */
async function digestOf(url: string): Promise<string | undefined> {
  const answer = await fetch(url)
  expect(answer.status).toBe(200)
  const bytes = await answer.bytes().catch(() => undefined)
  return bytes && new Bun.CryptoHasher('sha256').update(bytes).digest('hex')
}

async function expectRecovery(hub: TestHub, node: GatewayNode, url: string): Promise<void> {
  const first = await digestOf(url)
  if (first !== undefined) expect(first).toBe(oidOf(hub))
  expect(await digestOf(url)).toBe(oidOf(hub))
  expect(node.running.stderr()).not.toMatch(/^\s+at /m)
}

describe('a blob that changes on the disk is not served', () => {
  test('when it stands in the store and its time of writing was put back', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(size)] })
    await using node = await startNode(hub.url)
    const url = `${node.url}/o/r/resolve/main/w`
    expect(await digestOf(url)).toBe(oidOf(hub))
    rot(storedAt(node, oidOf(hub)))
    await expectRecovery(hub, node, url)
    expect(node.running.stderr()).toContain('does not hold what its name says')
  })

  test('when it stands in the cache, also after a restart', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(size)] })
    await using node = await startNode(hub.url)
    const cached = await runDfhf(node.machine, downloadWeights)
    expect(cached.code, cached.stderr).toBe(0)
    const url = `${node.url}/o/r/resolve/main/w`
    expect(await digestOf(url)).toBe(oidOf(hub))
    expect(sentOf(hub)).toBe(size)
    node.running.kill('SIGTERM')
    await node.running.result
    rot(cached.stdout.trimEnd())
    await using again = await startNode(hub.url, { env: node.machine.env })
    await expectRecovery(hub, again, `${again.url}/o/r/resolve/main/w`)
  })

  test('when it changes while it is sent', async () => {
    const large = 64_000_000
    await using hub = await startTestHub({ repos: [weightsRepo(large)] })
    await using node = await startNode(hub.url)
    const url = `${node.url}/o/r/resolve/main/w`
    expect(await digestOf(url)).toBe(oidOf(hub))
    const answer = await fetch(url)
    const reader = answer.body?.getReader()
    const hash = new Bun.CryptoHasher('sha256')
    hash.update((await reader?.read())?.value ?? '')
    rot(storedAt(node, oidOf(hub)), large - 5_000_000)
    const read = async () => {
      for (;;) {
        const part = await reader?.read()
        if (!part || part.done) return hash.digest('hex')
        hash.update(part.value)
      }
    }
    const digest = await read().catch(() => 'cut off')
    expect(['cut off', oidOf(hub)]).toContain(digest)
    expect(await digestOf(url)).toBe(oidOf(hub))
  })
})

describe('a blob that decays without a sign', () => {
  /** Makes the list of what was verified tell of the file as it is now: nothing in its times shows the change. */
  function hideRot(node: GatewayNode, path: string): void {
    rot(path)
    const { size, mtimeNs, ctimeNs, ino } = statSync(path, { bigint: true })
    const list = join(node.machine.folder, 'hf/dfhf/verified-blobs.jsonl')
    const oid = realpathSync(path).slice(-64)
    const fact = [
      oid,
      true,
      Number(size),
      String(mtimeNs),
      String(ctimeNs),
      String(ino),
      1,
      realpathSync(path),
    ]
    writeFileSync(list, `${JSON.stringify(fact)}\n`)
  }

  test.each(['store', 'cache'] as const)(
    'in the %s is found by a check, and served no more',
    async (place) => {
      await using hub = await startTestHub({ repos: [weightsRepo(size)] })
      await using node = await startNode(hub.url)
      if (place === 'cache') await runDfhf(node.machine, downloadWeights)
      expect(await digestOf(`${node.url}/o/r/resolve/main/w`)).toBe(oidOf(hub))
      node.running.kill('SIGTERM')
      await node.running.result
      const path =
        place === 'store'
          ? storedAt(node, oidOf(hub))
          : join(node.machine.cache, 'models--o--r/blobs', oidOf(hub))
      hideRot(node, path)
      const env = { ...node.machine.env, DFHF_NO_PEERS: undefined }
      await using again = await startNode(hub.url, { env, seeds: [], args: ['--check-every', '1s'] })
      await again.running.said('does not hold what its name says')
      const peers = await fetch(`http://${again.peerAddress}/v1/blobs/${oidOf(hub)}/pieces`)
      expect(peers.status).toBe(404)
      expect(existsSync(path)).toBe(place === 'cache')
      expect(await digestOf(`${again.url}/o/r/resolve/main/w`)).toBe(oidOf(hub))
    },
  )
})

describe('HF_HOME deleted under a running node', () => {
  test('is filled again from the Hub, and later clients cost no byte', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(size)] })
    await using node = await startNode(hub.url, { seeds: [] })
    const url = `${node.url}/o/r/resolve/main/w`
    expect(await digestOf(url)).toBe(oidOf(hub))
    rmSync(join(node.machine.folder, 'hf'), { recursive: true })
    const peers = await fetch(`http://${node.peerAddress}/v1/blobs/${oidOf(hub)}/pieces`)
    expect(peers.status).toBe(404)
    expect(await digestOf(url)).toBe(oidOf(hub))
    expect(sentOf(hub)).toBe(2 * size)
    expect(await digestOf(url)).toBe(oidOf(hub))
    expect(sentOf(hub)).toBe(2 * size)
    node.running.kill('SIGTERM')
    await node.running.result
    const env = { ...node.machine.env, DFHF_NO_PEERS: undefined }
    await using again = await startNode(hub.url, { env, seeds: [] })
    // A peer without key is told of it once the Hub has said that its repo is public.
    const ask = async (): Promise<unknown> =>
      (await fetch(`http://${again.peerAddress}/v1/blobs/${oidOf(hub)}/pieces`)).json()
    const offered = await eventually(ask, (answer) => JSON.stringify(answer).includes('"have":"all"'))
    expect(offered).toMatchObject({ have: 'all' })
  })

  test('in the middle of a fetch never gives a whole answer with other bytes, and the next one is right', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(size)], rates: { cdn: 6_000_000 } })
    await using node = await startNode(hub.url)
    const url = `${node.url}/o/r/resolve/main/w`
    const answering = digestOf(url)
    await hub.until(() => sentOf(hub) > size / 3)
    rmSync(join(node.machine.folder, 'hf'), { recursive: true })
    const late = () => `no end of the answer:\n${node.running.stderr()}`
    expect([undefined, oidOf(hub)]).toContain(await withDeadline(answering, 30_000, late))
    expect(await digestOf(url)).toBe(oidOf(hub))
  })
})
