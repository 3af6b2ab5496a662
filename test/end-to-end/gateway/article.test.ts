import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../../support/gateway/eventually.ts'
import { clientHome, type GatewayNode, startNode } from '../../support/gateway/gateway-node.ts'
import { makeCertificate } from '../../support/hub/certificate.ts'
import { falconRepo } from '../../support/hub/fixtures.ts'
import { startTestHub, type TestHub } from '../../support/hub/test-hub.ts'
import { cacheFaults } from '../../support/program/cache-check.ts'
import { checkout } from '../../support/program/find-binary.ts'
import { isExact, sentOf } from '../../support/program/weights.ts'
import { clientVersions } from '../../support/python/client-versions.ts'
import { RealClient } from '../../support/python/real-client.ts'
import { runProcess } from '../../support/python/run-process.ts'
import { clientEnv, runPython } from '../../support/python/run-python.ts'
import { canRunPython, ensureVenv } from '../../support/python/venv.ts'

setDefaultTimeout(180_000)
const root = mkdtempSync(join(tmpdir(), 'dfhf-article-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const repo = falconRepo({ weightsSize: 6_000_000 })
const forms = {
  current: clientVersions['hub-0'],
  former: [...clientVersions['hub-0'], 'requests==2.31.0'],
} as const

interface Setup extends AsyncDisposable {
  readonly hub: TestHub
  readonly node: GatewayNode
  /** The authority of the Hub's certificate. */
  readonly caFile: string
  /** Runs one of the article's scripts with an empty cache; returns where it put the result and that cache. */
  run(
    form: keyof typeof forms,
    verb: 'file' | 'snapshot',
    home: string,
  ): Promise<{ path: string; cache: string }>
}

/** Downloads the weights by the README's adapter, with the gateway's real address in place of the usual one. */
function readmeScript(gateway: string): string {
  const readme = readFileSync(join(checkout, 'README.md'), 'utf8')
  const adapter = /^```python\n([\s\S]*?)^```$/m.exec(readme)?.[1] ?? ''
  expect(adapter).toContain('http://127.0.0.1:65001')
  return [
    'import requests',
    'from huggingface_hub import configure_http_backend, hf_hub_download',
    'session = requests.Session()',
    adapter.replaceAll('http://127.0.0.1:65001', gateway),
    'configure_http_backend(lambda: session)',
    `print(hf_hub_download('${repo.id}', 'pytorch_model.bin'))`,
  ].join('\n')
}

/** A Hub and CDN that speak https alone, as the real ones do. */
async function setUp(): Promise<Setup> {
  await using stack = new AsyncDisposableStack()
  const tls = makeCertificate()
  const caFile = join(root, `${crypto.randomUUID()}.pem`)
  writeFileSync(caFile, tls.cert)
  const hub = stack.use(await startTestHub({ repos: [repo], tls }))
  const cdnHost = new URL(hub.cdnUrl).hostname
  const node = stack.use(
    await startNode(hub.url, { args: ['--allow-host', cdnHost], env: { SSL_CERT_FILE: caFile } }),
  )
  const run: Setup['run'] = async (form, verb, name) => {
    const home = clientHome(node.machine, name)
    const python = await ensureVenv(form === 'current' ? 'hub-0' : 'hub-0-former-requests', forms[form])
    const call = { repo_id: repo.id, ...(verb === 'file' && { filename: 'pytorch_model.bin' }) }
    const args = [node.url, hub.cdnUrl, form, verb, JSON.stringify(call)]
    const script = join(import.meta.dir, 'article_download.py')
    const env = clientEnv({ endpoint: hub.url, home, caFile })
    const { stdout } = await runProcess([python, script, ...args], { env })
    return { path: (JSON.parse(stdout) as { path: string }).path, cache: join(home, 'hf/hub') }
  }
  const all = stack.move()
  return { hub, node, caFile, run, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

const canRun = canRunPython() && Bun.which('openssl') !== null

describe.skipIf(!canRun)("Dragonfly's article: a requests session whose proxy is the gateway", () => {
  for (const form of ['current', 'former'] as const) {
    test(`the ${form} requests: a single file comes over the gateway, and the second time from it`, async () => {
      await using setup = await setUp()
      const { hub, run } = setup
      const first = await run(form, 'file', 'first')
      expect(isExact(hub, first.path, 'pytorch_model.bin', repo.id)).toBe(true)
      expect(sentOf(hub, 'pytorch_model.bin', repo.id)).toBe(6_000_000)
      hub.resetStats()
      const second = await run(form, 'file', 'second')
      expect(isExact(hub, second.path, 'pytorch_model.bin', repo.id)).toBe(true)
      expect(hub.stats().cdn.bodyBytes).toBe(0)
      expect(hub.stats().violations).toEqual([])
    })

    test(`the ${form} requests: a snapshot's large files come over the gateway`, async () => {
      await using setup = await setUp()
      const { hub, run } = setup
      const first = await run(form, 'snapshot', 'first')
      expect(cacheFaults(first.cache)).toEqual([])
      expect(isExact(hub, join(first.path, 'pytorch_model.bin'), 'pytorch_model.bin', repo.id)).toBe(true)
      hub.resetStats()
      const second = await run(form, 'snapshot', 'second')
      expect(cacheFaults(second.cache)).toEqual([])
      expect(isExact(hub, join(second.path, 'vocab.json'), 'vocab.json', repo.id)).toBe(true)
      expect(hub.stats().cdn.bodyBytes).toBe(0)
      expect(hub.stats().violations).toEqual([])
    })
  }

  test.each(['current', 'former'] as const)(
    "the %s requests: the README's adapter brings all by way of the gateway",
    async (form) => {
      await using setup = await setUp()
      const { hub, node, caFile } = setup
      const python = await ensureVenv(form === 'current' ? 'hub-0' : 'hub-0-former-requests', forms[form])
      const fetchAs = async (name: string) => {
        const env = clientEnv({ endpoint: hub.url, home: clientHome(node.machine, name), caFile })
        const { stdout } = await runPython(python, readmeScript(node.url), env)
        return isExact(hub, stdout.trim(), 'pytorch_model.bin', repo.id)
      }
      expect(await fetchAs('first')).toBe(true)
      hub.resetStats()
      expect(await fetchAs('second')).toBe(true)
      expect(hub.stats().cdn.bodyBytes).toBe(0)
      expect(hub.stats().violations).toEqual([])
    },
  )

  for (const version of ['hub-0', 'hub-1', 'hub-2'] as const) {
    test(`${version}: a client that asks the proxy for a Hub by http gets all of it by way of the gateway`, async () => {
      await using setup = await setUp()
      const { hub, node } = setup
      const python = await ensureVenv(version, clientVersions[version])
      const fetchAs = async (name: string) => {
        const home = clientHome(node.machine, name)
        const endpoint = hub.url.replace('https:', 'http:')
        const env = { ...clientEnv({ endpoint, home }), HTTP_PROXY: node.url, NO_PROXY: '' }
        const cacheDir = join(home, 'hf/hub')
        await new RealClient(python, env).snapshot(cacheDir, { repo_id: repo.id })
        return cacheFaults(cacheDir)
      }
      expect(await fetchAs('first')).toEqual([])
      hub.resetStats()
      expect(await fetchAs('second')).toEqual([])
      expect(hub.stats().cdn.bodyBytes).toBe(0)
      expect(hub.stats().violations).toEqual([])
    })

    test(`${version}: a client whose HTTPS_PROXY is the gateway reaches the Hub and its CDN through tunnels`, async () => {
      await using setup = await setUp()
      const { hub, node, caFile } = setup
      const home = clientHome(node.machine, 'tunnel')
      const python = await ensureVenv(version, clientVersions[version])
      const env = { ...clientEnv({ endpoint: hub.url, home, caFile }), HTTPS_PROXY: node.url, NO_PROXY: '' }
      const cacheDir = join(home, 'hf/hub')
      hub.faults.setRates({ cdn: 4_000_000 })
      const running = new RealClient(python, env).snapshot(cacheDir, { repo_id: repo.id })
      await eventually(
        async () => (await fetch(`${node.url}/metrics`)).text(),
        (text) => /^dfhf_gateway_tunnels [1-9]/m.test(text),
      )
      await running
      expect(cacheFaults(cacheDir)).toEqual([])
    })
  }
})
