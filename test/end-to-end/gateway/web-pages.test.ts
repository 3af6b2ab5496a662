import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { type GatewayNode, startNode } from '../../support/gateway/gateway-node.ts'
import { type RawAnswer, rawRequest } from '../../support/gateway/raw-request.ts'
import type { RepoSpec } from '../../support/hub/repo.ts'
import { startTestHub, type TestHub } from '../../support/hub/test-hub.ts'
import { sentOf, weightsRepo } from '../../support/program/weights.ts'

setDefaultTimeout(60_000)
const size = 300_000
const secret: RepoSpec = {
  id: 'o/secret',
  private: true,
  commits: [{ s: { seed: 'secret', size, lfs: true } }],
}
const users = [{ name: 'in', token: 'hf_in', access: ['o/secret'] }]
const firefox = 'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0'
const lfsPath = `/repos/aa/aa/${'a'.repeat(64)}/${'b'.repeat(64)}`

/** Every kind of thing that the gateway answers. */
const routes: readonly (readonly [line: string, headers: readonly string[], body?: string])[] = [
  ['GET /o/r/resolve/main/w', []],
  ['HEAD /o/r/resolve/main/w', []],
  ['GET /o/r/resolve/main/w', ['Range: bytes=0-9']],
  ['GET /api/models/o/r', []],
  ['GET /api/models/o/r/tree/main', []],
  ['POST /api/models/o/r/paths-info/main', ['Content-Type: application/x-www-form-urlencoded'], 'paths=w'],
  ['GET /o/r.git/info/refs?service=git-upload-pack', []],
  ['POST /o/r.git/info/lfs/objects/batch', ['Content-Type: application/vnd.git-lfs+json'], '{}'],
  ['GET /whatever', []],
  [`GET ${lfsPath}`, []],
  ['GET /x', ['X-Dragonfly-Registry: https://cdn-lfs.hf.co']],
  ['GET /healthz', []],
  ['GET /metrics', []],
  ['POST /v1/warm', ['Content-Type: application/json'], '{"repo":"o/secret"}'],
  ['OPTIONS /v1/warm', ['Access-Control-Request-Method: POST']],
]

async function withNode(
  work: (node: GatewayNode, hub: TestHub) => Promise<void>,
  args: readonly string[] = [],
): Promise<void> {
  await using hub = await startTestHub({ repos: [weightsRepo(size), secret], users })
  await using node = await startNode(hub.url, { args, env: { HF_TOKEN: 'hf_in' } })
  hub.resetStats()
  await work(node, hub)
}

/** Sends every route with more headers, and fails unless all were refused and the Hub was not asked a thing. */
async function expectRefused(node: GatewayNode, hub: TestHub, more: readonly string[]): Promise<void> {
  const statuses: string[] = []
  for (const [line, headers, body] of routes) {
    const answer = await rawRequest(node.url, line, [...more, ...headers], body)
    statuses.push(`${answer.status} ${line}`)
    expect([line, answer.headers.get('access-control-allow-origin')]).toEqual([line, null])
  }
  expect(statuses).toEqual(routes.map(([line]) => `403 ${line}`))
  expect(hub.stats().hub.requests + hub.stats().cdn.requests).toBe(0)
}

describe('a name that is not the gateway’s own', () => {
  for (const host of ['evil.example', 'evil.example:65001', '127.0.0.1.evil.example', '198.51.100.7'])
    test(`${host}, as a web page's name that was pointed here, is refused on every route`, () =>
      withNode((node, hub) => expectRefused(node, hub, [`Host: ${host}`])))

  test('the Hub’s own name, or its CDN’s, is refused all the same where the target has no host', () =>
    withNode(async (node, hub) => {
      for (const host of ['huggingface.co', 'hf.co', 'cdn-lfs.hf.co'])
        await expectRefused(node, hub, [`Host: ${host}`])
    }))

  test('that --gateway-host adds is answered, and no other one', () =>
    withNode(
      async (node) => {
        const ask = (host: string): Promise<RawAnswer> =>
          rawRequest(node.url, 'GET /healthz', [`Host: ${host}`])
        for (const host of ['node.example', 'node.example:65001', 'NODE.example', 'second.example'])
          expect([host, (await ask(host)).status]).toEqual([host, 200])
        for (const host of ['x.node.example', 'example', 'third.example'])
          expect([host, (await ask(host)).status]).toEqual([host, 403])
      },
      ['--gateway-host', 'node.example', '--gateway-host', 'second.example'],
    ))

  test('loopback names and this machine’s addresses are its own, whatever the port', () =>
    withNode(async (node) => {
      for (const host of ['127.0.0.1', 'localhost:8080', '[::1]:65001', '127.0.0.9']) {
        const answer = await rawRequest(node.url, 'GET /healthz', [`Host: ${host}`])
        expect([host, answer.status]).toEqual([host, 200])
      }
    }))

  test('does not hinder a proxy’s client, which says in the target whom it means', () =>
    withNode(async (node, hub) => {
      const line = `GET ${hub.url}/o/r/resolve/main/t`
      const answer = await rawRequest(node.url, line, ['Host: whatever.example'])
      expect([answer.status, answer.body.toString()]).toEqual([200, 'text\n'])
    }))
})

describe('a web page', () => {
  const marks: Readonly<Record<string, readonly string[]>> = {
    'of another site': ['Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: no-cors', firefox],
    'of another port of this machine': ['Sec-Fetch-Site: same-site', 'Sec-Fetch-Mode: cors', firefox],
    'that a repo brought, under the gateway’s own name': ['Sec-Fetch-Site: same-origin', firefox],
    'that calls itself by Origin': ['Origin: http://evil.example'],
    'without an origin': ['Origin: null'],
    'whose browser does not mark its images': [firefox, 'Accept: image/avif,image/webp,*/*'],
  }
  for (const [name, headers] of Object.entries(marks))
    test(`${name} is refused on every route`, () =>
      withNode((node, hub) => expectRefused(node, hub, [`Host: ${new URL(node.url).host}`, ...headers])))

  test('in a browser whose proxy is the gateway has nothing fetched either', () =>
    withNode(async (node, hub) => {
      const line = `GET ${hub.url}/o/r/resolve/main/w`
      const answer = await rawRequest(node.url, line, [`Host: ${new URL(hub.url).host}`, firefox])
      expect(answer.status).toBe(403)
      expect(hub.stats().hub.requests).toBe(0)
    }))

  test('cannot order a fetch: an order must be of a type that pages cannot send', () =>
    withNode(async (node, hub) => {
      for (const type of [
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data',
        undefined,
      ]) {
        const headers = [`Host: ${new URL(node.url).host}`, ...(type ? [`Content-Type: ${type}`] : [])]
        const answer = await rawRequest(node.url, 'POST /v1/warm', headers, '{"repo":"o/secret"}')
        expect([type, answer.status >= 400]).toEqual([type, true])
      }
      expect(sentOf(hub, 's', 'o/secret')).toBe(0)
      expect(hub.stats().hub.requests).toBe(0)
    }))

  test('that a repo brings runs no script where the user opens it', () =>
    withNode(async (node, hub) => {
      hub.repo('o/r').commit({ 'page.html': '<script>fetch("/metrics")</script>' })
      const line = 'GET /o/r/resolve/main/page.html'
      const headers = [`Host: ${new URL(node.url).host}`, 'Sec-Fetch-Site: none', firefox]
      const answer = await rawRequest(node.url, line, headers)
      expect(answer.status).toBe(200)
      expect(answer.headers.get('content-security-policy')).toBe('sandbox')
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    }))
})

describe('an order with this node’s own token', () => {
  const order = '{"repo":"o/secret"}'
  const json = 'Content-Type: application/json'

  test('is taken from this machine', () =>
    withNode(async (node, hub) => {
      await rawRequest(node.url, 'POST /v1/warm', [`Host: ${new URL(node.url).host}`, json], order)
      expect(sentOf(hub, 's', 'o/secret')).toBe(size)
    }))

  for (const [name, host, more] of [
    ['by a name that was added', 'node.example', []],
    ['over a proxy of this machine', '127.0.0.1', ['X-Forwarded-For: 198.51.100.7']],
  ] as const)
    test(`is refused to one who comes ${name}`, () =>
      withNode(
        async (node, hub) => {
          const headers = [`Host: ${host}`, json, ...more]
          const answer = await rawRequest(node.url, 'POST /v1/warm', headers, order)
          expect(answer.status).toBeGreaterThanOrEqual(400)
          expect(sentOf(hub, 's', 'o/secret')).toBe(0)
        },
        ['--gateway-host', 'node.example'],
      ))
})
