import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { type GatewayNode, startNode } from '../../support/gateway/gateway-node.ts'
import { rawRequest } from '../../support/gateway/raw-request.ts'
import type { RepoSpec } from '../../support/hub/repo.ts'
import { startTestHub } from '../../support/hub/test-hub.ts'
import { runDfhf } from '../../support/program/binary.ts'
import { newMachine } from '../../support/program/machine.ts'
import { weightsRepo } from '../../support/program/weights.ts'

setDefaultTimeout(60_000)
const secret: RepoSpec = {
  id: 'o/secret',
  private: true,
  commits: [{ s: { seed: 'secret', size: 300_000, lfs: true }, t: 'secret text\n' }],
}
const users = [{ name: 'in', token: 'hf_in', access: ['o/secret'] }]
/** A Hub on another machine, which speaks plain http. */
const endpoint = 'http://hub.example'

interface FarHub extends AsyncDisposable {
  /** For a machine that reaches it over a proxy alone. */
  readonly env: Readonly<Record<string, string>>
  /** Each Authorization that was sent there. */
  readonly authorizations: Set<string>
  /** Each host that was asked for. */
  readonly asked: Set<string>
}

/** The test Hub under a name that leads nowhere but over a proxy, which sees what every host on the way can see. */
async function startFarHub(): Promise<FarHub> {
  const hub = await startTestHub({ repos: [secret, weightsRepo(300_000)], users, publicHost: '127.0.0.1' })
  const authorizations = new Set<string>()
  const asked = new Set<string>()
  const proxy = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const url = new URL(request.url)
      asked.add(url.hostname)
      const headers = new Headers(request.headers)
      const authorization = headers.get('authorization')
      if (authorization !== null) authorizations.add(authorization)
      headers.delete('host')
      if (url.hostname === 'cdn.example') return new Response('no', { status: 403 })
      const to = url.hostname === 'hub.example' ? hub.url : url.origin
      const answer = await fetch(to + url.pathname + url.search, {
        method: request.method,
        headers,
        redirect: 'manual',
        ...(request.method === 'POST' && { body: await request.bytes() }),
      })
      return new Response(answer.body, answer)
    },
  })
  return {
    env: { HF_ENDPOINT: endpoint, http_proxy: `http://127.0.0.1:${proxy.port}`, no_proxy: '' },
    authorizations,
    asked,
    async [Symbol.asyncDispose]() {
      await proxy.stop(true)
      await hub[Symbol.asyncDispose]()
    },
  }
}

const bearer = { Authorization: 'Bearer hf_in' }
const basic = { Authorization: `Basic ${Buffer.from('user:hf_in').toString('base64')}` }

/** Everything that a client may ask with its token. */
const questions: readonly (readonly [path: string, init: RequestInit])[] = [
  ['/o/secret/resolve/main/s', { headers: bearer }],
  ['/o/secret/resolve/main/s', { headers: bearer, method: 'HEAD' }],
  ['/o/secret/resolve/main/t', { headers: bearer }],
  ['/api/models/o/secret', { headers: bearer }],
  ['/api/models/o/secret/tree/main', { headers: bearer }],
  ['/api/whoami-v2', { headers: bearer }],
  ['/o/secret.git/info/refs?service=git-upload-pack', { headers: basic }],
  ['/o/secret.git/info/lfs/objects/batch', { headers: basic, method: 'POST', body: '{}' }],
  [
    '/v1/warm',
    {
      headers: { ...bearer, 'Content-Type': 'application/json' },
      method: 'POST',
      body: '{"repo":"o/secret"}',
    },
  ],
]

async function askAll(node: GatewayNode): Promise<readonly (readonly [string, number, string])[]> {
  const answers = []
  for (const [path, init] of questions) {
    const answer = await fetch(node.url + path, init)
    await answer.bytes()
    answers.push([path, answer.status, answer.headers.get('x-error-message') ?? ''] as const)
  }
  return answers
}

describe('a Hub on another machine over plain http', () => {
  test('gets no token of the gateway’s clients, and they are told why they are refused', async () => {
    await using hub = await startFarHub()
    await using node = await startNode(endpoint, { env: hub.env })
    for (const [path, status, message] of await askAll(node)) {
      expect([path, status >= 400]).toEqual([path, true])
      expect([path, message]).toEqual([path, expect.stringContaining('over plain http')])
    }
    const open = await fetch(`${node.url}/o/r/resolve/main/t`, { headers: bearer })
    expect([open.status, await open.text()]).toEqual([200, 'text\n'])
    expect([...hub.authorizations]).toEqual([])
    expect(node.running.stderr()).toContain('DFHF_ALLOW_PLAIN_HTTP_TOKEN')
  })

  test('and a server beside it that speaks plain http get no token over the proxy', async () => {
    await using hub = await startFarHub()
    await using node = await startNode(endpoint, {
      args: ['--allow-host', 'http://cdn.example'],
      env: hub.env,
    })
    for (const address of ['http://hub.example/o/secret/resolve/main/s', 'http://cdn.example/s']) {
      const headers = [`Host: ${new URL(address).host}`, `Authorization: ${bearer.Authorization}`]
      expect((await rawRequest(node.url, `GET ${address}`, headers)).status).toBeGreaterThanOrEqual(400)
    }
    expect(hub.asked).toContain('cdn.example')
    expect([...hub.authorizations]).toEqual([])
  })

  test('gets no token of a download, a snapshot or the daemon itself', async () => {
    await using hub = await startFarHub()
    const env = { ...hub.env, HF_TOKEN: 'hf_in' }
    using machine = newMachine(endpoint)
    for (const command of [
      ['download', 'o/secret', 's'],
      ['snapshot', 'o/secret'],
    ]) {
      const { code, stderr } = await runDfhf(machine, command, { env })
      expect([code === 0, stderr]).toEqual([false, expect.stringContaining('over plain http')])
    }
    await using node = await startNode(endpoint, { env })
    const order = {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"repo":"o/secret"}',
    }
    expect((await fetch(`${node.url}/v1/warm`, order)).status).toBeGreaterThanOrEqual(400)
    expect([...hub.authorizations]).toEqual([])
  })

  test('gets them all where the user insists', async () => {
    await using hub = await startFarHub()
    const env = { ...hub.env, DFHF_ALLOW_PLAIN_HTTP_TOKEN: '1' }
    using machine = newMachine(endpoint)
    const result = await runDfhf(machine, ['download', 'o/secret', 't'], {
      env: { ...env, HF_TOKEN: 'hf_in' },
    })
    expect(result.code, result.stderr).toBe(0)
    await using node = await startNode(endpoint, { env })
    for (const [path, status] of (await askAll(node)).slice(0, 6)) expect([path, status]).toEqual([path, 200])
    expect([...hub.authorizations].sort()).toEqual([basic.Authorization, bearer.Authorization].sort())
  })

  test('gets the token of a command that trusts it as the gateway of its own node, and another server does not', async () => {
    await using hub = await startFarHub()
    const env = { ...hub.env, HF_TOKEN: 'hf_in' }
    using machine = newMachine(endpoint)
    const refused = await runDfhf(machine, ['download', 'o/secret', 't'], { env })
    expect([refused.code, refused.stderr]).toEqual([3, expect.stringContaining('--trust-endpoint')])
    const given = await runDfhf(machine, ['download', 'o/secret', 't', '--token', 'hf_in'], { env })
    expect([given.code, given.stderr]).toEqual([2, expect.stringContaining('--trust-endpoint')])
    expect([...hub.authorizations]).toEqual([])
    const trusted = await runDfhf(machine, ['download', 'o/secret', 't', '--trust-endpoint'], { env })
    expect(trusted.code, trusted.stderr).toBe(0)
    expect([...hub.authorizations]).toEqual([bearer.Authorization])
    expect(trusted.stderr).not.toContain('is not sent')
  })
})
