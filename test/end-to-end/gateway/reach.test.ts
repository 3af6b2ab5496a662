import { expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolders } from '../../support/files/temporary-folder.ts'
import { startNode } from '../../support/gateway/gateway-node.ts'
import { rawRequest } from '../../support/gateway/raw-request.ts'
import { canHaveOwnHosts, withHosts } from '../../support/program/own-hosts.ts'

setDefaultTimeout(60_000)
const temporaryFolder = temporaryFolders()

test('a Hub that shares its host is asked under its own path alone, whatever the client writes', async () => {
  const asked: string[] = []
  const shared = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: ({ url }) => {
      asked.push(new URL(url).pathname)
      return new Response('an answer')
    },
  })
  try {
    const origin = `http://127.0.0.1:${shared.port}`
    await using node = await startNode(`${origin}/hub`)
    const host = `Host: ${new URL(node.url).host}`
    for (const target of [
      '/../admin',
      '/%2e%2e/admin',
      '/%2E./admin',
      '/o/r/../../../admin',
      '/o/r/resolve/../../../../admin',
      '/..\\admin',
      '//../admin',
      `${origin}/admin`,
      `${origin}/hub/../admin`,
      `${origin}/hubadmin`,
    ])
      await rawRequest(node.url, `GET ${target}`, [host])
    for (const registry of [origin, `${origin}/admin?`, `${origin}/x/..`, `${origin}@127.0.0.1`])
      await rawRequest(node.url, 'GET /admin', [host, `X-Dragonfly-Registry: ${registry}`])
    await rawRequest(node.url, 'GET /o/r/info', [host])
    await rawRequest(node.url, `GET ${origin}/hub/o/r/more`, [host])
    expect(asked.filter((path) => !path.startsWith('/hub/'))).toEqual([])
    expect(asked).toContain('/hub/o/r/info')
    expect(asked).toContain('/hub/o/r/more')
  } finally {
    await shared.stop(true)
  }
})

// The name server of a network resolves the names of the Hub's hosts, and could point them inward.
test.skipIf(!canHaveOwnHosts())(
  'a name of the Hub that leads into this network is reached by no way',
  async () => {
    const hosts = join(temporaryFolder(), 'hosts')
    writeFileSync(hosts, '127.0.0.1 inside.hf.co\n10.0.0.1 cdn-lfs.huggingface.co\n')
    await using node = await startNode('https://huggingface.co', { prefix: withHosts(hosts) })
    for (const host of ['inside.hf.co', 'cdn-lfs.huggingface.co']) {
      const plain = await rawRequest(node.url, `GET http://${host}/x`, [`Host: ${host}`])
      const tunnel = await rawRequest(node.url, `CONNECT ${host}:443`, [`Host: ${host}:443`])
      expect([host, plain.status, tunnel.status]).toEqual([host, 403, 403])
      expect(tunnel.body.toString()).toContain('is an address of this network')
    }
  },
)
