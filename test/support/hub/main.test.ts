import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { makeCertificate } from './certificate.ts'
import { startHubProcess } from './hub-process.ts'
import { startTestHub } from './test-hub.ts'

test('the test hub runs as a process that says where it is and obeys orders', async () => {
  await using hub = await startHubProcess(['--falcon', '1000000', '--cdn-rate', '100000000'])
  const url = `${hub.url}/tiiuae/falcon-rw-1b/resolve/main/pytorch_model.bin`
  expect((await (await fetch(url)).bytes()).length).toBe(1_000_000)
  expect((await hub.stats()).cdn.bodyBytes).toBe(1_000_000)
  await hub.order({ add: [{ match: { kind: 'resolve' }, status: 503 }] })
  expect((await fetch(url)).status).toBe(503)
  await hub.resetStats()
  expect((await hub.stats()).hub.requests).toBe(0)
})

test('a folder becomes a repo whose weights are LFS', async () => {
  await using hub = await startHubProcess(['--repo', `o/code=${join(import.meta.dir, 'routes')}`])
  const tree = await (await fetch(`${hub.url}/api/models/o/code/tree/main`)).json()
  expect(tree).toContainEqual(expect.objectContaining({ type: 'file', path: 'tree.ts' }))
})

test.skipIf(Bun.which('openssl') === null)('the test hub speaks https with a given certificate', async () => {
  const certificate = makeCertificate()
  const size = 2_000_000
  const commits = [{ w: { seed: 'tls', size, lfs: true } }]
  await using hub = await startTestHub({ tls: certificate, repos: [{ id: 'o/r', commits }] })
  expect(hub.url).toStartWith('https://127.0.0.1:')
  const answer = await fetch(`${hub.url}/o/r/resolve/main/w`, { tls: { ca: certificate.cert } })
  expect((await answer.bytes()).length).toBe(size)
})
