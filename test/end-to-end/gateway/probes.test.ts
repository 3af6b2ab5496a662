import { expect, setDefaultTimeout, test } from 'bun:test'
import { startNode } from '../../support/gateway/gateway-node.ts'
import { rawRequest } from '../../support/gateway/raw-request.ts'
import { startTestHub } from '../../support/hub/test-hub.ts'
import { outwardAddress as outward } from '../../support/program/outward-address.ts'
import { weightsRepo } from '../../support/program/weights.ts'

setDefaultTimeout(60_000)
const probes = ['/healthz', '/readyz', '/startupz']
const kubelet = 'User-Agent: kube-probe/1.34'

test.skipIf(outward === undefined)('a kubelet hears by the address of the pod that it is ready', async () => {
  await using hub = await startTestHub({ repos: [weightsRepo(1000)] })
  await using node = await startNode(hub.url, { host: '0.0.0.0', seeds: [] })
  const { port } = new URL(node.url)
  const ask = (path: string) =>
    rawRequest(`http://${outward}:${port}`, `GET ${path}`, [`Host: ${outward}:${port}`, kubelet])
  for (const path of probes) expect([path, (await ask(path)).status]).toEqual([path, 200])
})

test('metrics and probes move to an address of their own', async () => {
  await using hub = await startTestHub({ repos: [weightsRepo(1000)] })
  await using node = await startNode(hub.url, { args: ['--metrics', '127.0.0.1:0'] })
  const url = /metrics and probes on (\S+)/.exec(node.running.stderr())?.[1] ?? ''
  for (const path of [...probes, '/metrics']) {
    expect([path, (await fetch(url + path)).status]).toEqual([path, 200])
    expect([path, (await fetch(node.url + path)).status]).toEqual([path, 404])
  }
  const odd = ['Host: some-name.example', kubelet]
  expect(await (await fetch(`${url}/metrics`)).text()).toMatch(/^dfhf_blobs 0$/m)
  expect((await rawRequest(url, 'GET /metrics', odd)).status).toBe(403)
  expect((await fetch(`${url}/o/r/resolve/main/w`)).status).toBe(404)
  expect((await fetch(`${node.url}/o/r/resolve/main/w`)).status).toBe(200)
})

test.skipIf(outward === undefined)(
  'a gateway for some networks answers these, this machine and probes',
  async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(1000)] })
    const flags = { host: '0.0.0.0' }
    await using closed = await startNode(hub.url, { ...flags, args: ['--gateway-allow', '203.0.113.0/24'] })
    const { port } = new URL(closed.url)
    const [near, far] = [`http://127.0.0.1:${port}`, `http://${outward}:${port}`]
    expect((await fetch(`${near}/o/r/resolve/main/w`)).status).toBe(200)
    expect((await fetch(`${far}/o/r/resolve/main/w`)).status).toBe(403)
    expect((await rawRequest(far, 'CONNECT 127.0.0.1:1', ['Host: 127.0.0.1:1'])).status).toBe(403)
    expect((await fetch(`${far}/metrics`)).status).toBe(403)
    for (const path of probes) expect((await fetch(far + path)).status).toBe(200)
    expect(closed.running.stderr()).toContain('the gateway answers 203.0.113.0/24 and this machine')

    await using open = await startNode(hub.url, {
      ...flags,
      args: ['--gateway-allow', `203.0.113.0/24,${outward}`],
    })
    expect((await fetch(`http://${outward}:${new URL(open.url).port}/o/r/resolve/main/w`)).status).toBe(200)
  },
)
