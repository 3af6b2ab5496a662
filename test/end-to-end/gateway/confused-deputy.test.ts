import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { type GatewayNode, startNode } from '../../support/gateway/gateway-node.ts'
import { type RawAnswer, rawRequest } from '../../support/gateway/raw-request.ts'
import type { RepoSpec } from '../../support/hub/repo.ts'
import { startTestHub, type TestHub } from '../../support/hub/test-hub.ts'
import { oidOf } from '../../support/program/weights.ts'

setDefaultTimeout(60_000)
const size = 300_000
const secret: RepoSpec = {
  id: 'o/secret',
  private: true,
  commits: [{ s: { seed: 'secret', size, lfs: true } }],
}
const users = [{ name: 'in', token: 'hf_in', access: ['o/secret'] }]

interface Setup {
  readonly hub: TestHub
  readonly node: GatewayNode
  /** The private blob, which is on the node. */
  readonly oid: string
  /** A second address of the same Hub, as hf.co is one of huggingface.co. */
  readonly alias: string
  /** A host on the list that gives `size` bytes at every path, and redirects at those that begin with /to/. */
  readonly other: string
}

async function withSecret(work: (setup: Setup) => Promise<void>): Promise<void> {
  await using hub = await startTestHub({ repos: [secret], users })
  const oid = oidOf(hub, 's', 'o/secret')
  // The attacker's own files: any bytes of the right size under the private blob's name.
  hub.repos.add({
    id: 'evil/x',
    commits: [
      {
        [oid]: { seed: 'evil', size, lfs: true },
        [`small/${oid}`]: { seed: 'evil text', size, lfs: false },
      },
    ],
  })
  using other = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: ({ url }) => {
      const { pathname } = new URL(url)
      if (pathname.startsWith('/to/')) return Response.redirect(pathname.slice(3), 302)
      return new Response(new Uint8Array(size))
    },
  })
  const alias = `http://localhost:${new URL(hub.url).port}`
  const hosts = [alias, hub.cdnUrl, `http://127.0.0.1:${other.port}`]
  await using node = await startNode(hub.url, { args: hosts.flatMap((host) => ['--allow-host', host]) })
  const path = '/o/secret/resolve/main/s'
  const own = await fetch(node.url + path, { headers: { Authorization: 'Bearer hf_in' } })
  expect(digest(await own.bytes())).toBe(oid)
  await work({ hub, node, oid, alias, other: `http://127.0.0.1:${other.port}` })
}

function digest(bytes: Uint8Array): string {
  return new Bun.CryptoHasher('sha256').update(bytes).digest('hex')
}

/** What a client gets that follows redirects over the proxy. */
async function overProxy(node: GatewayNode, url: string): Promise<RawAnswer> {
  const answer = await rawRequest(node.url, `GET ${url}`, [`Host: ${new URL(url).host}`])
  const location = answer.headers.get('location')
  return location === null ? answer : overProxy(node, new URL(location, url).href)
}

describe('a file that is named as a private blob is', () => {
  for (const path of ['', 'small/'])
    test(`gives its own bytes over the proxy: ${path}<oid> of a public repo`, () =>
      withSecret(async ({ node, oid, alias, hub }) => {
        for (const origin of [alias, hub.url]) {
          const answer = await overProxy(node, `${origin}/evil/x/resolve/main/${path}${oid}`)
          expect(answer.status).toBe(200)
          expect(answer.body.length).toBe(size)
          expect(digest(answer.body)).not.toBe(oid)
        }
      }))

  test('gives its own bytes, whichever header leads to it', () =>
    withSecret(async ({ node, oid, alias }) => {
      const line = `GET /evil/x/resolve/main/${oid}`
      for (const host of [new URL(node.url).host, 'evil.example']) {
        const headers = [`Host: ${host}`, `X-Dragonfly-Registry: ${alias}`]
        expect(digest((await rawRequest(node.url, line, headers)).body)).not.toBe(oid)
      }
    }))

  test('gives its own bytes at every path that is not the shape of the LFS store', () =>
    withSecret(async ({ node, oid, other }) => {
      const folder = 'c'.repeat(64)
      for (const path of [
        `/${oid}`,
        `/o/r/${oid}`,
        `/repos/aa/bb/${folder}/${oid}`,
        `/repos/cc/cc/${folder}/x/${oid}`,
        `/repos/cc/cc/${oid}`,
        `/x/repos/cc/cc/${folder}/${oid}`,
        `/to/repos/cc/cc/${folder}/${oid}`,
        `/repos/cc/cc/${folder}/${oid.toUpperCase()}`,
        `//repos/cc/cc/${folder}/${oid}`,
        `/repos/cc/cc/${folder}/x%2F${oid}`,
        `/xet-bridge/${oid}`,
      ]) {
        const { body } = await rawRequest(node.url, `GET ${other}${path}`, ['Host: x'])
        expect([path, digest(body)]).not.toEqual([path, oid])
      }
    }))

  test('gives no byte of it where a redirect leads from the shape of the store to other bytes', () =>
    withSecret(async ({ node, oid, hub, other }) => {
      const folder = 'c'.repeat(64)
      const path = `/repos/cc/cc/${folder}/${oid}`
      hub.addFault({ match: { side: 'cdn', target: path }, status: 302, headers: { location: `${other}/x` } })
      const { body } = await rawRequest(node.url, `GET ${hub.cdnUrl}${path}`, ['Host: x'])
      expect(digest(body)).not.toBe(oid)
    }))
})
