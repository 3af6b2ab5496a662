import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startSocksServer } from '../../support/http/socks-server.ts'
import { startTestProxy } from '../../support/http/test-proxy.ts'
import { makeCertificate } from '../../support/hub/certificate.ts'
import { startTestHub, type TestHub, type TestHubOptions } from '../../support/hub/test-hub.ts'
import { runDfhf } from '../../support/program/binary.ts'
import { hasHf } from '../../support/program/hf.ts'
import { newMachine } from '../../support/program/machine.ts'
import { expectExact, oidOf, weightsRepo } from '../../support/program/weights.ts'
import { clientVersions } from '../../support/python/client-versions.ts'
import { RealClient } from '../../support/python/real-client.ts'
import { clientEnv } from '../../support/python/run-python.ts'
import { ensureVenv } from '../../support/python/venv.ts'

setDefaultTimeout(120_000)
const size = 12_000_000
const { cert, key } = makeCertificate()

function startHub(options: TestHubOptions = {}) {
  return startTestHub({ repos: [weightsRepo(size)], ...options })
}

describe('over a SOCKS 5 proxy', () => {
  for (const scheme of ['socks5', 'socks5h'])
    test(`${scheme}://, large and small files come`, async () => {
      await using hub = await startHub()
      await using proxy = await startSocksServer({ credentials: 'me:p@ss' })
      using machine = newMachine(hub.url)
      const env = { ALL_PROXY: `${scheme}://me:p%40ss@${proxy.host}` }
      for (const path of ['w', 't'])
        expectExact(hub, await runDfhf(machine, ['download', 'o/r', path], { env }), path)
      expect(new Set(proxy.targets)).toEqual(new Set([new URL(hub.url).host, new URL(hub.cdnUrl).host]))
    })

  test('by TLS they come as well, and the certificate is checked', async () => {
    await using hub = await startHub({ tls: { cert, key } })
    await using proxy = await startSocksServer()
    using machine = newMachine(hub.url)
    const authority = join(machine.folder, 'ca.pem')
    writeFileSync(authority, cert)
    const env = { HTTPS_PROXY: `socks5h://${proxy.host}` }
    const untrusted = await runDfhf(machine, ['download', 'o/r', 't'], { env })
    expect(untrusted.code).toBe(6)
    expect(untrusted.stderr).toContain('cannot trust')
    const trusted = { ...env, SSL_CERT_FILE: authority }
    for (const path of ['w', 't'])
      expectExact(hub, await runDfhf(machine, ['download', 'o/r', path], { env: trusted }), path)
    expect(proxy.targets).toContain(new URL(hub.cdnUrl).host)
  })

  test('the proxy looks the names up', async () => {
    await using hub = await startHub({ publicHost: 'hub.inside.example' })
    const { port } = new URL(hub.url)
    await using proxy = await startSocksServer({ hosts: { 'hub.inside.example': '127.0.0.1' } })
    using machine = newMachine(`http://hub.inside.example:${port}`)
    const env = { ALL_PROXY: `socks5://${proxy.host}`, HF_TOKEN: undefined }
    expectExact(hub, await runDfhf(machine, ['download', 'o/r', 'w'], { env }))
    expect(proxy.targets).toContain(`hub.inside.example:${port}`)
  })

  test('NO_PROXY leaves it out', async () => {
    await using hub = await startHub()
    await using proxy = await startSocksServer()
    using machine = newMachine(hub.url)
    const env = { ALL_PROXY: `socks5://${proxy.host}`, NO_PROXY: '127.0.0.1,127.0.0.2' }
    expectExact(hub, await runDfhf(machine, ['download', 'o/r', 'w'], { env }))
    expect(proxy.targets).toEqual([])
  })

  const failures = [
    ['that wants a user', { credentials: 'me:pass' }, '', 'asks for a user and a password'],
    [
      'that does not accept the user',
      { credentials: 'me:pass' },
      'me:wrong-secret@',
      'does not accept the user or the password',
    ],
    ['that does not connect', { refuse: 5 }, '', 'did not connect to'],
  ] as const
  for (const [name, options, login, says] of failures)
    test.concurrent(`${name}, the failure is one line, without the password`, async () => {
      await using hub = await startHub()
      await using proxy = await startSocksServer(options)
      using machine = newMachine(hub.url)
      const env = { ALL_PROXY: `socks5://${login}${proxy.host}` }
      const result = await runDfhf(machine, ['download', 'o/r', 'w', '--quiet'], { env })
      expect(result.code, result.stderr).toBe(6)
      expect(result.stderr).toContain(`the proxy ${proxy.host} ${says}`)
      expect(result.stderr.trimEnd().split('\n')).toHaveLength(1)
      expect(result.stderr).not.toContain('wrong-secret')
    })
})

describe('over an HTTP proxy', () => {
  test.each(['http', 'https'])('that does not accept the password, the line says so (%s)', async (scheme) => {
    await using hub = await startHub(scheme === 'https' ? { tls: { cert, key } } : {})
    await using proxy = await startTestProxy({ credentials: 'me:pass' })
    using machine = newMachine(hub.url)
    const env = { ALL_PROXY: `http://me:wrong-secret@${proxy.host}` }
    const result = await runDfhf(machine, ['download', 'o/r', 'w', '--quiet'], { env })
    expect(result.code).toBe(6)
    expect(result.stderr).toContain(`the proxy ${proxy.host} does not accept the user or the password`)
    expect(result.stderr).toContain('USER:PASSWORD@')
    expect(result.stderr).not.toMatch(/wrong-secret|\[secret\]/)
  })
})

describe('from a Hub with a certificate of an own authority', () => {
  for (const variable of ['CURL_CA_BUNDLE', 'REQUESTS_CA_BUNDLE', 'SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS'])
    test(`files come when ${variable} names it`, async () => {
      await using hub = await startHub({ tls: { cert, key } })
      using machine = newMachine(hub.url)
      const authority = join(machine.folder, 'ca.pem')
      writeFileSync(authority, cert)
      const result = await runDfhf(machine, ['download', 'o/r', 'w'], { env: { [variable]: authority } })
      expectExact(hub, result)
      const none = await runDfhf(machine, ['download', 'o/r', 't'], { env: { [variable]: '/nowhere.pem' } })
      expect(none.code).toBe(2)
      expect(none.stderr).toContain(`the file in ${variable} cannot be read: /nowhere.pem`)
    })
})

describe.skipIf(!hasHf)('as huggingface_hub does', () => {
  const environments = {
    'hub-2-socks': [...clientVersions['hub-2'], 'httpx2[socks]'],
    // By requests, which alone reads its own variable and curl's.
    'hub-0': clientVersions['hub-0'],
  } as const
  const run = async (
    hub: TestHub,
    env: Record<string, string>,
    name: keyof typeof environments = 'hub-2-socks',
  ) => {
    using theirs = newMachine(hub.url)
    using ours = newMachine(hub.url)
    const surroundings = { ...clientEnv({ endpoint: hub.url, home: theirs.folder }), NO_PROXY: '', ...env }
    const client = new RealClient(await ensureVenv(name, environments[name]), surroundings)
    const call = { verb: 'download', arguments: { repo_id: 'o/r', filename: 'w' } } as const
    const [hf] = await client.batch([call])
    const dfhf = await runDfhf(ours, ['download', 'o/r', 'w', '--quiet'], { env })
    const sha256 =
      dfhf.code === 0 ? new Bun.CryptoHasher('sha256').update(readFileSync(dfhf.stdout.trim())) : undefined
    return {
      hf: !hf || hf.error ? 'fails' : (hf.value as { sha256: string }).sha256,
      dfhf: sha256?.digest('hex') ?? 'fails',
    }
  }

  for (const [scheme, login, isGood] of [
    ['socks5', 'me:pass', true],
    ['socks5h', 'me:pass', true],
    ['socks5h', 'me:other', false],
  ] as const)
    test(`${scheme}:// with ${isGood ? 'the right' : 'a wrong'} password`, async () => {
      await using hub = await startHub()
      await using proxy = await startSocksServer({ credentials: 'me:pass' })
      const { hf, dfhf } = await run(hub, { ALL_PROXY: `${scheme}://${login}@${proxy.host}` })
      expect(dfhf).toBe(isGood ? oidOf(hub) : 'fails')
      expect(hf).toBe(dfhf)
    })

  test.each([
    ['SSL_CERT_FILE', 'hub-2-socks'],
    ['REQUESTS_CA_BUNDLE', 'hub-0'],
    ['CURL_CA_BUNDLE', 'hub-0'],
  ] as const)('%s names the authority (%s)', async (variable, name) => {
    await using hub = await startHub({ tls: { cert, key } })
    using machine = newMachine(hub.url)
    const file = join(machine.folder, 'ca.pem')
    writeFileSync(file, cert)
    const { hf, dfhf } = await run(hub, { [variable]: file }, name)
    expect(dfhf).toBe(oidOf(hub))
    expect(hf).toBe(dfhf)
  })
})
