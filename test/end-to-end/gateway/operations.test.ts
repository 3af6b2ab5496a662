import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { connect } from 'node:net'
import { withDeadline } from '../../support/gateway/deadline.ts'
import { startNode } from '../../support/gateway/gateway-node.ts'
import { falconRepo, variedRepo } from '../../support/hub/fixtures.ts'
import { startTestHub } from '../../support/hub/test-hub.ts'
import { runDfhf } from '../../support/program/binary.ts'
import { newMachine } from '../../support/program/machine.ts'
import { oidOf, sentOf, weightsRepo } from '../../support/program/weights.ts'

setDefaultTimeout(60_000)
const falcon = falconRepo({ weightsSize: 6_000_000 })

function warm(url: string, order: object, token?: string): Promise<Response> {
  const authorization = token === undefined ? {} : { Authorization: `Bearer ${token}` }
  return fetch(`${url}/v1/warm`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...authorization },
    body: JSON.stringify(order),
  })
}

/** What comes back for a request line and headers as they are; the connection ends with it. */
function speak(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname, () => socket.write(text))
  const heard = new Promise<string>((resolve, reject) => {
    let all = ''
    socket.on('data', (chunk) => {
      all += chunk.toString('latin1')
      if (all.includes('\r\n\r\n')) resolve(all)
    })
    socket.on('close', () => resolve(all))
    socket.on('error', reject)
  })
  return withDeadline(heard, 10_000, () => `no answer to ${text}`).finally(() => socket.destroy())
}

describe('warming a node', () => {
  test('by POST /v1/warm fetches a whole repo, tells how it goes in JSON lines, and later clients cost no byte', async () => {
    await using hub = await startTestHub({ repos: [falcon] })
    await using node = await startNode(hub.url)
    const answer = await warm(node.url, { repo: falcon.id })
    expect(answer.status).toBe(200)
    const lines = (await answer.text()).trim().split('\n')
    for (const line of lines) expect(JSON.parse(line)).toBeObject()
    expect(sentOf(hub, 'pytorch_model.bin', falcon.id)).toBe(6_000_000)
    hub.resetStats()
    for (const path of ['pytorch_model.bin', 'vocab.json', 'README.md']) {
      const file = await fetch(`${node.url}/${falcon.id}/resolve/main/${path}`)
      expect((await file.bytes()).length, path).toBe(
        hub.repo(falcon.id).resolve('main')?.files.get(path)?.size ?? -1,
      )
    }
    expect(hub.stats().oids).toEqual({})
  })

  test('takes include, exclude and revision', async () => {
    await using hub = await startTestHub({ repos: [variedRepo()] })
    await using node = await startNode(hub.url)
    const order = {
      repo: 'test-org/varied',
      revision: 'v1.0',
      include: ['weights/*', '*.md'],
      exclude: ['*.md'],
    }
    await (await warm(node.url, order)).text()
    const fetched = Object.keys(hub.stats().oids)
    expect(fetched).toEqual([oidOf(hub, 'weights/model.safetensors', 'test-org/varied')])
  })

  test('is refused in the words of the Hub: no such repo, not allowed, bad order', async () => {
    await using hub = await startTestHub({
      repos: [{ ...falcon, private: true }],
      users: [
        { name: 'in', token: 'hf_in', access: [falcon.id] },
        { name: 'out', token: 'hf_out' },
      ],
    })
    await using node = await startNode(hub.url)
    const failed = async (answer: Response) => {
      const last = (await answer.text()).trim().split('\n').at(-1) ?? ''
      return answer.status >= 400 || 'error' in (JSON.parse(last) as object)
    }
    expect(await failed(await warm(node.url, { repo: 'o/none' }))).toBe(true)
    expect(await failed(await warm(node.url, { repo: falcon.id }))).toBe(true)
    expect(await failed(await warm(node.url, { repo: falcon.id }, 'hf_out'))).toBe(true)
    expect((await warm(node.url, { repo: '../..' })).status).toBeGreaterThanOrEqual(400)
    expect((await fetch(`${node.url}/v1/warm`, { method: 'POST', body: 'no json' })).status).toBe(400)
    expect(hub.stats().oids).toEqual({})
    await (await warm(node.url, { repo: falcon.id }, 'hf_in')).text()
    expect(sentOf(hub, 'pytorch_model.bin', falcon.id)).toBe(6_000_000)
  })

  test('by a pattern of many stars costs the node no time', async () => {
    const name = `${'a'.repeat(240)}.txt`
    await using hub = await startTestHub({ repos: [{ id: 'o/long', commits: [{ [name]: 'text' }] }] })
    await using node = await startNode(hub.url)
    const order = warm(node.url, { repo: 'o/long', include: [`${'*a'.repeat(11)}*ab`] })
    expect((await withDeadline(order, 30_000, () => 'no answer to the order')).status).toBe(200)
    expect((await fetch(`${node.url}/healthz`)).status).toBe(200)
    const many = Array.from({ length: 500 }, () => '*a'.repeat(100))
    expect((await warm(node.url, { repo: 'o/long', include: many })).status).toBe(400)
  })

  test('by dfhf snapshot --on makes that node fetch it, and this one nothing', async () => {
    await using hub = await startTestHub({ repos: [falcon] })
    await using node = await startNode(hub.url)
    using machine = newMachine(hub.url)
    const result = await runDfhf(machine, ['snapshot', falcon.id, '--on', node.url])
    expect(result.code, result.stderr).toBe(0)
    expect(sentOf(hub, 'pytorch_model.bin', falcon.id)).toBe(6_000_000)
    hub.resetStats()
    await (await fetch(`${node.url}/${falcon.id}/resolve/main/pytorch_model.bin`)).bytes()
    expect(hub.stats().oids).toEqual({})
    const refused = await runDfhf(machine, ['snapshot', 'o/none', '--on', node.url])
    expect(refused.code).toBe(3)
    const unreachable = await runDfhf(machine, ['snapshot', falcon.id, '--on', 'http://127.0.0.1:9'])
    expect(unreachable.code).toBe(6)
  })
})

describe('a node in operation', () => {
  test('says that it is well, and what it did', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(3_000_000)] })
    await using node = await startNode(hub.url)
    expect((await fetch(`${node.url}/healthz`)).status).toBe(200)
    await (await fetch(`${node.url}/o/r/resolve/main/w`)).bytes()
    const metrics = await fetch(`${node.url}/metrics`)
    expect(metrics.headers.get('content-type')).toStartWith('text/plain')
    const text = await metrics.text()
    for (const line of text.trim().split('\n'))
      expect(line).toMatch(/^(#.*|[a-zA-Z_:][\w:]*(\{[^}]*\})? [-+0-9.eInfNa]+)$/)
    expect(text).toMatch(/^dfhf_\w+/m)
    expect(text).toMatch(/^dfhf_\w+.* 3000000$/m)
  })

  test('stops on SIGTERM within a moment, by code 0, also with a client in the middle of an answer', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(30_000_000)], rates: { cdn: 2_000_000 } })
    await using node = await startNode(hub.url)
    const answer = await fetch(`${node.url}/o/r/resolve/main/w`)
    await answer.body?.getReader().read()
    node.running.kill('SIGTERM')
    const late = () => `still running:\n${node.running.stderr()}`
    const { code, stderr } = await withDeadline(node.running.result, 15_000, late)
    expect(code, stderr).toBe(0)
    expect(stderr).not.toMatch(/^\s+at /m)
  })

  test('takes up after a restart what it had begun, and serves what it had', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(12_000_000)], rates: { cdn: 6_000_000 } })
    await using node = await startNode(hub.url)
    const answer = await fetch(`${node.url}/o/r/resolve/main/w`)
    await answer.body?.getReader().read()
    await hub.until(() => sentOf(hub) > 6_000_000)
    node.running.kill('SIGKILL')
    await node.running.result
    await using again = await startNode(hub.url, { env: node.machine.env })
    const bytes = await (await fetch(`${again.url}/o/r/resolve/main/w`)).bytes()
    expect(new Bun.CryptoHasher('sha256').update(bytes).digest('hex')).toBe(oidOf(hub))
    expect(sentOf(hub)).toBeLessThan(12_000_000 * 1.5)
  })
})

describe('the proxy is not an open one', () => {
  test('a host that is not on the list is refused, and not asked', async () => {
    await using hub = await startTestHub({ repos: [falcon] })
    let asked = 0
    const other = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: () => {
        asked += 1
        return new Response('secret')
      },
    })
    try {
      await using node = await startNode(hub.url)
      const url = `http://localhost:${other.port}/secret`
      const answer = await speak(node.url, `GET ${url} HTTP/1.1\r\nHost: localhost:${other.port}\r\n\r\n`)
      expect(answer).toMatch(/^HTTP\/1\.1 403 /)
      const registry = await fetch(`${node.url}/secret`, {
        headers: { 'X-Dragonfly-Registry': `http://localhost:${other.port}` },
      })
      expect(registry.status).toBeGreaterThanOrEqual(400)
      expect(asked).toBe(0)
    } finally {
      await other.stop(true)
    }
  })

  test('CONNECT to loopback and to hosts that are not on the list is refused', async () => {
    await using hub = await startTestHub({ repos: [falcon] })
    await using node = await startNode(hub.url)
    for (const authority of [
      '127.0.0.1:22',
      'localhost:6379',
      '[::1]:22',
      '169.254.169.254:80',
      'example.org:443',
    ])
      expect(await speak(node.url, `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`)).toMatch(
        /^HTTP\/1\.1 4\d\d /,
      )
  })

  test('a target that makes no sense is refused, and the node lives', async () => {
    await using hub = await startTestHub({ repos: [weightsRepo(1000)] })
    await using node = await startNode(hub.url)
    for (const target of [
      '/../../etc/passwd',
      '/%2e%2e/%2e%2e/etc/passwd',
      '/o/r/resolve/main/..%2f..%2fx',
      '//',
      '/%',
      'http://',
      '*',
    ]) {
      const { host } = new URL(node.url)
      const answer = await speak(
        node.url,
        `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      )
      expect(answer, target).not.toMatch(/^HTTP\/1\.1 (200|5\d\d) /)
    }
    expect((await fetch(`${node.url}/healthz`)).status).toBe(200)
  })
})
