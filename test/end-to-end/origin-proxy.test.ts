import { expect, setDefaultTimeout, test } from 'bun:test'
import { readFile } from 'node:fs/promises'
import { startStubDfdaemon } from '../support/http/stub-dfdaemon.ts'
import { startTestHub } from '../support/hub/test-hub.ts'
import { runDfhf } from '../support/program/binary.ts'
import { newMachine } from '../support/program/machine.ts'
import { oidOf } from '../support/program/weights.ts'

setDefaultTimeout(60_000)
const size = 12_000_000
const repo = {
  id: 'o/private',
  private: true,
  commits: [{ w: { seed: 'w', size, lfs: true }, 'config.json': '{}' }],
}
const users = [{ name: 'in', token: 'hf_in', access: ['o/private'] }]

test('blobs of the CDN come by way of the origin proxy, which gets no token', async () => {
  await using hub = await startTestHub({ repos: [repo], users })
  await using proxy = await startStubDfdaemon()
  using machine = newMachine(hub.url)
  const env = { HF_TOKEN: 'hf_in', DFHF_ORIGIN_PROXY: proxy.url }
  const { code, stdout, stderr } = await runDfhf(machine, ['download', 'o/private', 'w'], { env })
  expect([code, stderr]).toEqual([0, expect.any(String)])
  const bytes = await readFile(stdout.trim())
  expect(new Bun.CryptoHasher('sha256').update(bytes).digest('hex')).toBe(oidOf(hub, 'w', 'o/private'))
  expect(proxy.asked.length).toBeGreaterThan(0)
  for (const { target, headers } of proxy.asked) {
    expect(target).toStartWith(`${hub.cdnUrl}/`)
    expect(headers['x-dragonfly-registry']).toBe(hub.cdnUrl)
    expect(JSON.stringify(headers)).not.toContain('hf_in')
  }
  // Every byte that the CDN sent went to the proxy.
  expect(hub.requests.filter(({ side }) => side === 'cdn').length).toBe(proxy.asked.length)
})

test('a download goes on without an origin proxy that is away', async () => {
  await using hub = await startTestHub({ repos: [repo], users })
  const proxy = await startStubDfdaemon()
  await proxy[Symbol.asyncDispose]()
  using machine = newMachine(hub.url)
  const args = ['download', 'o/private', 'w', '--origin-proxy', proxy.url]
  const { code, stderr } = await runDfhf(machine, args, { env: { HF_TOKEN: 'hf_in' } })
  expect(code).toBe(0)
  expect(stderr.match(/the origin proxy .* fails/g)).toHaveLength(1)
})

test.each(['https://127.0.0.1:1', 'http://127.0.0.1:1/path', 'http://me:pw@127.0.0.1:1', 'nonsense'])(
  '%s is no origin proxy',
  async (url) => {
    using machine = newMachine('http://127.0.0.1:1')
    const { code } = await runDfhf(machine, ['download', 'o/r', 'w', '--origin-proxy', url])
    expect(code).toBe(2)
  },
)
