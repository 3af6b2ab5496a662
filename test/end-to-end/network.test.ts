import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startTestProxy } from '../support/http/test-proxy.ts'
import { makeCertificate } from '../support/hub/certificate.ts'
import { startTestHub } from '../support/hub/test-hub.ts'
import { runDfhf } from '../support/program/binary.ts'
import { failureOf } from '../support/program/failure.ts'
import { newMachine } from '../support/program/machine.ts'
import { downloadWeights, expectExact, weightsRepo } from '../support/program/weights.ts'

setDefaultTimeout(60_000)
const repos = [weightsRepo(3_000_000)]
const tls = makeCertificate()
const folder = mkdtempSync(join(tmpdir(), 'dfhf-network-'))
const authority = join(folder, 'authority.pem')
beforeAll(() => writeFileSync(authority, tls.cert))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const hostsOf = (targets: readonly { readonly target: string }[]) =>
  [...new Set(targets.map(({ target }) => (target.includes('//') ? new URL(target).host : target)))].sort()

describe('a proxy', () => {
  test.each(['HTTP_PROXY', 'http_proxy', 'ALL_PROXY'])('in %s carries every request', async (name) => {
    await using hub = await startTestHub({ repos })
    await using proxy = await startTestProxy({ credentials: 'me:secret' })
    using machine = newMachine(hub.url)
    const env = { [name]: `http://me:secret@${proxy.host}` }
    expectExact(hub, await runDfhf(machine, downloadWeights, { env }))
    expect(proxy.requests).toHaveLength(hub.requests.length)
    expect(hostsOf(proxy.requests)).toEqual([new URL(hub.url).host, new URL(hub.cdnUrl).host].sort())
  })

  test('is left out for hosts in NO_PROXY', async () => {
    await using hub = await startTestHub({ repos })
    await using proxy = await startTestProxy()
    using machine = newMachine(hub.url)
    const env = { HTTP_PROXY: proxy.url, NO_PROXY: '127.0.0.1' }
    expectExact(hub, await runDfhf(machine, downloadWeights, { env }))
    expect(hostsOf(proxy.requests)).toEqual([new URL(hub.cdnUrl).host])
  })

  test('carries https through a tunnel', async () => {
    await using hub = await startTestHub({ repos, tls })
    await using proxy = await startTestProxy()
    using machine = newMachine(hub.url)
    const env = { HTTPS_PROXY: proxy.url, NODE_EXTRA_CA_CERTS: authority }
    expectExact(hub, await runDfhf(machine, downloadWeights, { env }))
    expect(new Set(proxy.requests.map(({ method }) => method))).toEqual(new Set(['CONNECT']))
    expect(hostsOf(proxy.requests)).toEqual([new URL(hub.url).host, new URL(hub.cdnUrl).host].sort())
  })

  test('that wants a password is named in one line, without the password that was tried', async () => {
    await using hub = await startTestHub({ repos })
    await using proxy = await startTestProxy({ credentials: 'me:right' })
    using machine = newMachine(hub.url)
    const env = { HTTP_PROXY: `http://me:wrong@${proxy.host}` }
    const result = await runDfhf(machine, downloadWeights, { env })
    expect(failureOf(result, 6)).toContain(proxy.host)
    expect(result.stderr).not.toContain('wrong')
    expect(hub.requests).toHaveLength(0)
  })
})

describe('a Hub over https', () => {
  test.each(['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'])('is trusted by the authority in %s', async (name) => {
    await using hub = await startTestHub({ repos, tls })
    using machine = newMachine(hub.url)
    expectExact(hub, await runDfhf(machine, downloadWeights, { env: { [name]: authority } }))
  })

  test('of an unknown authority is refused in one line that says what to set', async () => {
    await using hub = await startTestHub({ repos, tls })
    using machine = newMachine(hub.url)
    expect(failureOf(await runDfhf(machine, downloadWeights), 6)).toContain('NODE_EXTRA_CA_CERTS')
    expect(hub.requests).toHaveLength(0)
  })
})

describe('a token', () => {
  test('is not sent in clear to another machine, and the failure says why', async () => {
    const seen: (string | null)[] = []
    using anyHost = Bun.serve({
      port: 0,
      fetch({ headers }) {
        seen.push(headers.get('authorization'))
        return new Response(null, { status: 401 })
      },
    })
    using machine = newMachine('http://hub.test')
    const env = { HF_TOKEN: 'hf_secret', HTTP_PROXY: `http://127.0.0.1:${anyHost.port}` }
    const result = await runDfhf(machine, downloadWeights, { env })
    expect(failureOf(result, 3)).toContain('hub.test')
    expect(result.stderr).toContain('token')
    expect(result.stderr).not.toContain('hf_secret')
    expect(new Set(seen)).toEqual(new Set([null]))
  })

  test('does not follow a redirect to another host', async () => {
    const users = [{ name: 'in', token: 'hf_in', access: ['o/r'] }]
    const gated = repos.map((repo) => ({ ...repo, gated: 'auto' as const }))
    await using hub = await startTestHub({ repos: gated, users })
    hub.addFault({ match: { side: 'cdn' }, hop: true })
    using machine = newMachine(hub.url)
    expectExact(hub, await runDfhf(machine, downloadWeights, { env: { HF_TOKEN: 'hf_in' } }))
    expect(hub.stats().cdn.authorizations).toEqual([])
    expect(hub.stats().violations).toEqual([])
  })
})

describe('--limit-rate', () => {
  test('of the Hub holds what comes from there, written in bits too', async () => {
    const [size, limit] = [6_000_000, 3_000_000]
    await using hub = await startTestHub({ repos: [weightsRepo(size)] })
    using machine = newMachine(hub.url)
    const result = await runDfhf(machine, [...downloadWeights, '--hub-limit-rate', '24Mbit', '--json'])
    expect(result.code).toBe(0)
    expect(JSON.parse(result.stdout).ms).toBeGreaterThan((size / limit) * 500)
  })

  test('holds what comes in to about so many bytes a second', async () => {
    const [size, limit] = [6_000_000, 3_000_000]
    await using hub = await startTestHub({ repos: [weightsRepo(size)] })
    using machine = newMachine(hub.url)
    const result = await runDfhf(machine, [...downloadWeights, '--limit-rate', '3MB', '--json'])
    expect(result.code).toBe(0)
    // Slower is always possible; faster by half would be no limit.
    expect(JSON.parse(result.stdout).ms).toBeGreaterThan((size / limit) * 500)
  })
})
