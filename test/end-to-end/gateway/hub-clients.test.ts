import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { clientHome, startNode } from '../../support/gateway/gateway-node.ts'
import {
  type ClientVersion,
  type PythonClientOptions,
  pythonClient,
} from '../../support/gateway/python-client.ts'
import { falconRepo, variedRepo } from '../../support/hub/fixtures.ts'
import { startTestHub, type TestHub } from '../../support/hub/test-hub.ts'
import { cacheFaults } from '../../support/program/cache-check.ts'
import { oidOf, sentOf, weightsRepo } from '../../support/program/weights.ts'
import { type CacheEntry, listCacheTree } from '../../support/python/cache-tree.ts'
import { clientVersions } from '../../support/python/client-versions.ts'
import { canRunPython } from '../../support/python/venv.ts'

setDefaultTimeout(240_000)
const versions = Object.keys(clientVersions) as ClientVersion[]
const falcon = { repo_id: 'tiiuae/falcon-rw-1b' }
const varied = { repo_id: 'test-org/varied' }
const data = { repo_id: 'o/data', repo_type: 'dataset' }

function startHub(): Promise<TestHub> {
  return startTestHub({
    pageSize: 4,
    repos: [
      { ...variedRepo(), xet: true },
      { ...falconRepo({ weightsSize: 3_000_000 }), xet: true },
      {
        id: 'o/data',
        type: 'dataset',
        commits: [{ 'data/f.txt': 'data', 'data/t.bin': { seed: 't', size: 40_000, lfs: true } }],
      },
    ],
  })
}

/** All that a client's cache holds but the listing that it keeps of the Hub's answers, which says what Xet says. */
function filesOf(cacheDir: string): Record<string, CacheEntry> {
  const entries = Object.entries(listCacheTree(cacheDir)).filter(
    ([path]) => !/\/trees(\/|$)|^\.locks/.test(path),
  )
  return Object.fromEntries(entries)
}

/** Downloads everything that a test compares, with a fresh cache; returns that cache's folder. */
async function fetchAll(options: PythonClientOptions): Promise<string> {
  const { calls, cacheDir } = await pythonClient(options)
  const into = { cache_dir: cacheDir }
  const results = await calls.batch([
    { verb: 'snapshot', arguments: { ...into, ...falcon } },
    { verb: 'snapshot', arguments: { ...into, ...varied } },
    { verb: 'snapshot', arguments: { ...into, ...varied, revision: 'refs/pr/1' } },
    { verb: 'snapshot', arguments: { ...into, ...data } },
    { verb: 'download', arguments: { ...into, ...varied, revision: 'v1.0', filename: 'config.json' } },
    {
      verb: 'download',
      arguments: { ...into, ...varied, revision: 'v1.0', filename: 'weights/model.safetensors' },
    },
    { verb: 'scan', arguments: into },
  ])
  expect(results.flatMap(({ error }) => error?.message ?? [])).toEqual([])
  expect(results.at(-1)?.value).toMatchObject({ warnings: [] })
  return cacheDir
}

describe.skipIf(!canRunPython())('huggingface_hub through HF_ENDPOINT of the gateway', () => {
  for (const version of versions) {
    for (const xet of ['used', 'none'] as const) {
      const name = `${version}, ${xet === 'used' ? 'with' : 'without'} hf_xet`
      test(`${name}: has what it would have from the Hub, and a second client costs the Hub no byte`, async () => {
        await using hub = await startHub()
        await using node = await startNode(hub.url)
        const home = (who: string) => clientHome(node.machine, who)
        const direct = await fetchAll({ version, xet: 'off', endpoint: hub.url, home: home('direct') })
        hub.resetStats()
        const first = await fetchAll({ version, xet, endpoint: node.url, home: home('first') })
        expect(filesOf(first)).toEqual(filesOf(direct))
        expect(cacheFaults(first)).toEqual([])
        expect(sentOf(hub, 'pytorch_model.bin', falcon.repo_id)).toBe(3_000_000)
        expect(hub.stats().kinds['xet-read-token']).toBeUndefined()
        expect(hub.stats().kinds.cas).toBeUndefined()
        hub.resetStats()
        const second = await fetchAll({ version, xet, endpoint: node.url, home: home('second') })
        expect(filesOf(second)).toEqual(filesOf(direct))
        expect(hub.stats().oids).toEqual({})
        expect(hub.stats().violations).toEqual([])
      })
    }

    test(`${version}: every question about a repo is answered as by the Hub`, async () => {
      await using hub = await startHub()
      await using node = await startNode(hub.url)
      const ask = async (endpoint: string) => {
        const home = clientHome(node.machine, endpoint === hub.url ? 'direct' : 'gateway')
        const { calls, cacheDir } = await pythonClient({ version, endpoint, home, xet: 'off' })
        const into = { cache_dir: cacheDir }
        const results = await calls.batch([
          { verb: 'tree', arguments: { ...varied, recursive: true } },
          { verb: 'tree', arguments: { ...varied, path_in_repo: 'odd', expand: true } },
          { verb: 'info', arguments: { ...varied, files_metadata: true, revision: 'feature/new-head' } },
          { verb: 'paths_info', arguments: { ...varied, paths: ['one-byte.bin', 'missing'] } },
          { verb: 'refs', arguments: { ...varied, include_pull_requests: true } },
          { verb: 'commits', arguments: varied },
          { verb: 'download', arguments: { ...into, ...varied, filename: 'missing' } },
          { verb: 'download', arguments: { ...into, ...varied, filename: 'config.json', revision: 'nope' } },
          { verb: 'download', arguments: { ...into, repo_id: 'test-org/old-name', filename: 'config.json' } },
          { verb: 'tree', arguments: { ...varied, path_in_repo: 'no-such-folder' } },
        ])
        return results.map(({ value, error }) => {
          if (error) return error.classes
          return typeof value === 'object' && value !== null && 'sha256' in value ? value.sha256 : value
        })
      }
      expect(await ask(node.url)).toEqual(await ask(hub.url))
      const { calls } = await pythonClient({
        version,
        endpoint: node.url,
        home: clientHome(node.machine, 'nobody'),
      })
      const [none] = await calls.batch([
        { verb: 'download', arguments: { repo_id: 'test-org/none', filename: 'f' } },
      ])
      expect(none?.error?.classes).toContain('RepositoryNotFoundError')
    })
  }
})

describe.skipIf(!canRunPython())('hf download over the gateway', () => {
  const size = 24_000_000
  for (const [version, signal] of [
    ['hub-0', 'SIGINT'],
    ['hub-1', 'SIGINT'],
    ['hub-2', 'SIGKILL'],
  ] as const) {
    test(`${version}: ended by ${signal} on the way and run again, it has the file at about one copy`, async () => {
      await using hub = await startTestHub({ repos: [weightsRepo(size)], rates: { cdn: 12_000_000 } })
      await using node = await startNode(hub.url)
      const home = clientHome(node.machine, 'user')
      const { hf, env } = await pythonClient({ version, endpoint: node.url, home })
      const command = [hf, 'download', 'o/r', 'w', '--quiet']
      const interrupted = Bun.spawn(command, { env, stdout: 'ignore', stderr: 'ignore' })
      await hub.until(() => sentOf(hub) > size / 3)
      interrupted.kill(signal)
      expect(await interrupted.exited).not.toBe(0)
      const rerun = Bun.spawn(command, { env, stdout: 'pipe', stderr: 'inherit' })
      const path = (await new Response(rerun.stdout).text()).trim()
      expect(await rerun.exited).toBe(0)
      const digest = new Bun.CryptoHasher('sha256').update(await Bun.file(path).bytes()).digest('hex')
      expect(digest).toBe(oidOf(hub))
      expect(sentOf(hub)).toBeLessThan(size * 1.1)
      rmSync(join(home, 'hf'), { recursive: true })
      hub.resetStats()
      const afresh = Bun.spawn(command, { env, stdout: 'ignore', stderr: 'inherit' })
      expect(await afresh.exited).toBe(0)
      expect(sentOf(hub)).toBe(0)
    })
  }
})
