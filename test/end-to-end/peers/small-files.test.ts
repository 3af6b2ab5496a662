import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Oid, parseOid } from '../../../src/blob/oid.ts'
import { startPeerServer } from '../../../src/peer/peer-server.ts'
import { bundleHeader, parseWanted } from '../../../src/swarm/protocol/bundle-wire.ts'
import { PEER_HEADER, toPeerHeader } from '../../../src/swarm/protocol/peer-info.ts'
import { startTestHub, type TestHub } from '../../support/hub/test-hub.ts'
import { type RunningDfhf, type RunOptions, runDfhf, startDfhf } from '../../support/program/binary.ts'
import { cacheFaults } from '../../support/program/cache-check.ts'
import { type Machine, newMachine } from '../../support/program/machine.ts'
import { isExact } from '../../support/program/weights.ts'
import { runSeed, seededRandom } from '../../support/random/seeded-random.ts'
import { samplePeer } from '../../swarm/samples.ts'

setDefaultTimeout(120_000)
const sharing = { env: { DFHF_NO_PEERS: undefined, DFHF_NO_MULTICAST: '1' } } satisfies RunOptions
const names = Array.from({ length: 300 }, (_, index) => `part-${index % 3}/${index}`)
const sizeOf = (index: number) => 31 + ((index * 7919) % 9_000)
const size = names.reduce((sum, _, index) => sum + sizeOf(index), 0)
const files = names.map(
  (name, index) => [name, { seed: name, size: sizeOf(index), lfs: index % 2 === 0 }] as const,
)
const repos = [
  { id: 'o/r', commits: [Object.fromEntries(files)] },
  { id: 'o/private', private: true, commits: [Object.fromEntries(files)] },
]
const users = [{ name: 'in', token: 'hf_in', access: ['o/private'] }]

/** A node that has the whole repo in its cache, and its address. */
async function startNeighbour(machine: Machine, id: string, more: RunOptions['env'] = {}) {
  const env = { ...sharing.env, ...more }
  const { code, stderr } = await runDfhf(machine, ['snapshot', id, '--no-peers'], { env })
  expect(code, stderr).toBe(0)
  const running = await startDfhf(machine, ['serve', '--listen', '127.0.0.1:0', '--gateway', 'off'], { env })
  const address = `127.0.0.1:${await running.told(/to peers on port (\d+)\n/)}`
  return { running, address }
}

async function snapshot(hub: TestHub, machine: Machine, id: string, options: RunOptions) {
  const result = await runDfhf(machine, ['snapshot', id, '--json', '--quiet'], options)
  expect(result.code, result.stderr).toBe(0)
  const { path, bytes } = JSON.parse(result.stdout) as { path: string; bytes: Record<string, number> }
  for (const name of names) expect(isExact(hub, join(path, name), name, id), name).toBe(true)
  expect(cacheFaults(machine.cache)).toEqual([])
  return bytes
}

/** Requests to the Hub for files, whether it answered with bytes or sent on to its CDN. */
function askedForFiles(hub: TestHub): number {
  const { kinds } = hub.stats()
  return ['resolve', 'resolve-cache', 'cdn'].reduce(
    (sum, kind) => sum + (kinds[kind as 'resolve']?.requests ?? 0),
    0,
  )
}

describe('many small files that a neighbour has', () => {
  test('come from it, and the Hub is asked for their list alone', async () => {
    await using hub = await startTestHub({ repos, users })
    using node = newMachine(hub.url)
    const { running, address } = await startNeighbour(node, 'o/r')
    await using _ = running
    hub.resetStats()
    using machine = newMachine(hub.url)
    const bytes = await snapshot(hub, machine, 'o/r', { env: { ...sharing.env, DFHF_SEEDS: address } })
    expect(bytes).toEqual({ hub: 0, peers: size, local: 0 })
    expect(askedForFiles(hub)).toBe(0)
  })

  test('come from it where they are private, to holders of the key; the Hub proves what git does not', async () => {
    await using hub = await startTestHub({ repos, users })
    using node = newMachine(hub.url)
    const keyFile = join(node.folder, 'key')
    writeFileSync(keyFile, 'correct horse battery staple', { mode: 0o600 })
    const env = { HF_TOKEN: 'hf_in', DFHF_CLUSTER_KEY_FILE: keyFile }
    const { running, address } = await startNeighbour(node, 'o/private', env)
    await using _ = running
    hub.resetStats()
    using machine = newMachine(hub.url)
    const seeded = { ...sharing.env, ...env, DFHF_SEEDS: address }
    const bytes = await snapshot(hub, machine, 'o/private', { env: seeded })
    const plain = names.reduce((sum, _, index) => sum + (index % 2 === 0 ? 0 : sizeOf(index)), 0)
    expect(bytes).toEqual({ hub: size - plain, peers: plain, local: 0 })
  })

  test('come from the Hub where they are private and there is no key', async () => {
    await using hub = await startTestHub({ repos, users })
    using node = newMachine(hub.url)
    const { running, address } = await startNeighbour(node, 'o/private', { HF_TOKEN: 'hf_in' })
    await using _ = running
    using machine = newMachine(hub.url)
    const env = { ...sharing.env, HF_TOKEN: 'hf_in', DFHF_SEEDS: address }
    expect(await snapshot(hub, machine, 'o/private', { env })).toEqual({ hub: size, peers: 0, local: 0 })
  })
})

/** A peer that answers questions for many blobs as it is told, and what makes a snapshot ask it. */
function startBundler(answer: (oids: readonly Oid[]) => Response) {
  let peer = samplePeer(3, { addresses: ['127.0.0.1'], role: 'serve' })
  const handle = async (request: Request) => {
    const isBundle = new URL(request.url).pathname === '/v1/blobs'
    const response = isBundle
      ? answer(parseWanted(await request.text()) ?? [])
      : Response.json({ v: 1, self: peer, peers: [] })
    response.headers.set(PEER_HEADER, toPeerHeader(peer))
    return response
  }
  const server = startPeerServer({ port: 0, host: '127.0.0.1', handler: { handle, close() {} } })
  peer = { ...peer, port: server.port }
  return {
    options: { env: { ...sharing.env, DFHF_SEEDS: `127.0.0.1:${server.port}` } },
    [Symbol.asyncDispose]: () => server.close({ isNow: true }),
  }
}

describe('a snapshot of small files from a peer, killed at random instants', () => {
  const seed = runSeed()
  process.stderr.write(`kill -9 amid bundles: DFHF_TEST_SEED=${seed}\n`)

  test('leaves nothing wrong and nothing behind, and goes on', async () => {
    const random = seededRandom(seed)
    await using hub = await startTestHub({ repos, users })
    using node = newMachine(hub.url)
    const filled = await runDfhf(node, ['snapshot', 'o/r', '--no-peers'], sharing)
    expect(filled.code, filled.stderr).toBe(0)
    const blobs = join(node.cache, 'models--o--r', 'blobs')
    using machine = newMachine(hub.url)
    let running: RunningDfhf | undefined
    let mayStillSend = 0
    /** Gives the blobs one by one, and ends the asker in the middle of it. */
    const bundle = (oids: readonly string[]) =>
      new ReadableStream<Uint8Array>({
        async pull(controller) {
          const oid = oids[0]
          oids = oids.slice(1)
          mayStillSend -= 1
          if (mayStillSend === 0) running?.kill('SIGKILL')
          if (oid === undefined) return controller.close()
          const bytes = await readFile(join(blobs, oid))
          controller.enqueue(Buffer.concat([Buffer.from(bundleHeader(parseOid(oid), bytes.length)), bytes]))
        },
      })
    await using peer = startBundler((oids) => new Response(bundle(oids)))
    const { options } = peer
    for (let kill = 0; kill < 10; kill += 1) {
      mayStillSend = 1 + Math.floor(random() * 30)
      running = await startDfhf(machine, ['snapshot', 'o/r'], options)
      const { code } = await running.result
      expect(code).not.toBe(0)
      expect(cacheFaults(machine.cache, { mayHavePartials: true })).toEqual([])
    }
    mayStillSend = Number.POSITIVE_INFINITY
    const bytes = await snapshot(hub, machine, 'o/r', options)
    expect(bytes.hub).toBe(0)
  })
})

describe('a peer that gives small files wrongly', () => {
  const wrong = (oids: readonly string[]) =>
    oids.map((oid) => bundleHeader(parseOid(oid), 40) + 'x'.repeat(40)).join('')
  const slow = () => new ReadableStream({ pull: () => Bun.sleep(60_000) })
  test.each([
    ['does not know the question', () => new Response(null, { status: 404 })],
    ['is busy', () => new Response(null, { status: 503 })],
    ['sends other sizes', (oids: readonly string[]) => new Response(wrong(oids))],
    ['sends nothing', () => new Response('')],
    ['never ends', () => new Response(slow())],
  ])('costs little when it %s', async (_name, answer) => {
    await using hub = await startTestHub({ repos, users })
    using machine = newMachine(hub.url)
    let asked = 0
    await using peer = startBundler((oids) => {
      asked += 1
      return answer(oids)
    })
    expect(await snapshot(hub, machine, 'o/r', peer.options)).toEqual({ hub: size, peers: 0, local: 0 })
    expect(asked).toBeGreaterThan(0)
    expect(asked).toBeLessThan(60)
  })

  test('gives none of its bytes a name', async () => {
    await using hub = await startTestHub({ repos, users })
    const sizes = new Map(
      [...(hub.repo('o/r').resolve('main')?.files.values() ?? [])].map((file) => [
        file.oid,
        file.content.size,
      ]),
    )
    using machine = newMachine(hub.url)
    await using peer = startBundler((oids) => {
      const sizeOf = (oid: Oid) => sizes.get(oid) ?? 0
      return new Response(
        oids.map((oid) => bundleHeader(oid, sizeOf(oid)) + 'x'.repeat(sizeOf(oid))).join(''),
      )
    })
    const result = await runDfhf(machine, ['snapshot', 'o/r'], peer.options)
    expect([result.code, result.stderr]).toEqual([
      0,
      expect.stringMatching(/left out for 10 minutes: it sent other bytes/),
    ])
    for (const name of names) expect(isExact(hub, join(result.stdout.trim(), name), name)).toBe(true)
  })
})
