import { expect, test } from 'bun:test'
import type { Oid } from '../../src/blob/oid.ts'
import { createHttpClient } from '../../src/http/http-client.ts'
import { HubClient } from '../../src/hub/hub-client.ts'
import { createFetchForPeers } from '../../src/peer/fetch-for-peers.ts'
import type { Asker, BlobPlace } from '../../src/swarm/server/blob-shelf.ts'
import type { TestHubOptions } from '../support/hub/test-hub.ts'
import { sampleOid } from '../swarm/samples.ts'
import { openLibrary, repo } from './library-fixture.ts'

const small = Array.from({ length: 8 }, (_, n) => [
  `small-${n}.bin`,
  { seed: `${n}`, size: 1_000, lfs: true },
])
const files = {
  ...Object.fromEntries(small),
  'big.bin': { seed: 'big', size: 100_000, lfs: true },
  'a.json': '{}',
}
const repos = [{ id: 'org/data', commits: [files] }]

function asker(address: string, place: BlobPlace): Asker {
  return { hasKey: false, address, peer: undefined, place }
}

/** A node that fetches for peers on a clock that stands, and where a blob of its Hub is. */
async function setUp(options: Partial<TestHubOptions> = {}, token?: string) {
  await using stack = new AsyncDisposableStack()
  const fixture = stack.use(await openLibrary({ repos, ...options }))
  const http = stack.use(createHttpClient())
  const own = new HubClient({ endpoint: fixture.hub.url, http, userAgent: 'test', token })
  const stop = new AbortController()
  stack.defer(() => stop.abort())
  const { client, library } = fixture
  const warnings: string[] = []
  const log = { debug() {}, info() {}, warn: (text: string) => void warnings.push(text) }
  const fetchForPeer = createFetchForPeers({
    library,
    hub: own,
    anonymousHub: client,
    signal: stop.signal,
    log,
    now: () => 0,
  })
  const blob = { ...(await own.describeFile(repo, 'main', 'big.bin')), repo, path: 'big.bin' }
  const place: BlobPlace = { repo: 'org/data', commit: blob.commit ?? '', path: 'big.bin' }
  const arrival = (oid: Oid) =>
    new Promise<void>((resolve) => {
      library.parts.index.subscribe((changed) => {
        if (changed === oid) resolve()
      })
    })
  const arrived = arrival(blob.oid)
  const all = stack.move()
  return {
    blob,
    place,
    arrival,
    arrived,
    hub: fixture.hub,
    locate: fixture.locate,
    warnings,
    fetchForPeer,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

test('a peer that names the right place gets its blob beside one that names any number of wrong ones', async () => {
  await using node = await setUp()
  for (let round = 0; round < 10; round += 1)
    for (let n = 0; n < 300; n += 1)
      node.fetchForPeer(sampleOid(`${round} ${n}`), asker('10.6.6.6', { ...node.place, path: 'a.json' }))
  node.fetchForPeer(node.blob.oid, asker('10.0.0.2', node.place))
  await node.arrived
})

test('a wrong place that one peer names for a blob is not held against another that names the right one', async () => {
  await using node = await setUp()
  node.fetchForPeer(node.blob.oid, asker('10.6.6.6', { ...node.place, path: 'none' }))
  node.fetchForPeer(node.blob.oid, asker('10.0.0.2', node.place))
  await node.arrived
})

test('the Hub is asked a bounded number of questions for a peer that names wrong places for ever', async () => {
  await using node = await setUp()
  for (let round = 0; round < 8; round += 1) {
    for (let n = 0; n < 60; n += 1)
      node.fetchForPeer(sampleOid(`${round} ${n}`), asker('10.6.6.6', { ...node.place, path: 'a.json' }))
    // What waits goes in turn: when this one comes, those before it were asked for.
    const path = `small-${round}.bin`
    const { oid } = await node.locate(path)
    const here = node.arrival(oid)
    node.fetchForPeer(oid, asker('10.0.0.2', { ...node.place, path }))
    await here
  }
  expect(node.warnings.length).toBeGreaterThan(60)
  expect(node.warnings.length).toBeLessThan(200)
})

test('the node’s own token is used for a peer that holds the cluster key, and for no other', async () => {
  const users = [{ name: 'in', token: 'hf_in', access: ['org/data'] }]
  await using node = await setUp(
    { repos: [{ id: 'org/data', private: true, commits: [files] }], users },
    'hf_in',
  )
  node.hub.resetStats()
  const from = (address: string, hasKey: boolean) => ({ ...asker(address, node.place), hasKey })
  node.fetchForPeer(node.blob.oid, from('10.6.6.6', false))
  await node.hub.until(() => node.hub.requests.some(({ state }) => state === 'complete'))
  expect(node.hub.requests.filter(({ headers }) => headers.authorization)).toEqual([])
  node.fetchForPeer(node.blob.oid, from('10.0.0.2', true))
  await node.arrived
})
