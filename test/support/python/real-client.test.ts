import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeCertificate } from '../hub/certificate.ts'
import { readAll } from '../hub/content.ts'
import { falconRepo, variedRepo } from '../hub/fixtures.ts'
import type { Commit } from '../hub/repo.ts'
import { startTestHub, type TestHubOptions } from '../hub/test-hub.ts'
import { listCacheTree } from './cache-tree.ts'
import { clientVersions } from './client-versions.ts'
import { type ClientResult, RealClient } from './real-client.ts'
import { clientEnv } from './run-python.ts'
import { canRunPython, ensureVenv } from './venv.ts'

setDefaultTimeout(300_000)
const root = mkdtempSync(join(tmpdir(), 'dfhf-real-client-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const varied = { repo_id: 'test-org/varied' }
const falcon = { repo_id: 'tiiuae/falcon-rw-1b' }
const hubOptions: TestHubOptions = {
  pageSize: 4,
  users: [
    { name: 'in', token: 'hf_in', access: ['o/private', 'o/gated'] },
    { name: 'out', token: 'hf_out' },
  ],
  repos: [
    { ...variedRepo(), xet: true },
    falconRepo({ weightsSize: 3_000_000 }),
    { id: 'o/private', private: true, commits: [{ f: 'secret', w: { text: 'weights', lfs: true } }] },
    { id: 'o/gated', gated: 'manual', commits: [{ f: 'secret' }] },
    { id: 'o/data', type: 'dataset', commits: [{ 'data/f.txt': 'data' }] },
  ],
}

function sha256Of(commit: Commit | undefined, path: string): string {
  const file = commit?.files.get(path)
  return file ? createHash('sha256').update(readAll(file.content)).digest('hex') : 'no such file'
}

function isKindOf(result: ClientResult | undefined, className: string): boolean {
  return result?.error?.classes.includes(className) ?? false
}

describe.skipIf(!canRunPython())('the test hub satisfies the real client', () => {
  for (const [name, requirements] of Object.entries(clientVersions)) {
    const connect = async (endpoint: string, more: { token?: string; caFile?: string } = {}) => {
      const home = mkdtempSync(join(root, 'home-'))
      const python = await ensureVenv(name, requirements)
      const env = clientEnv({ endpoint, home, ...more })
      return { client: new RealClient(python, env), cacheDir: join(home, 'cache') }
    }

    test(`${name}: snapshots arrive whole and are found offline`, async () => {
      await using hub = await startTestHub(hubOptions)
      const { client, cacheDir } = await connect(hub.url)
      await client.snapshot(cacheDir, falcon)
      await client.snapshot(cacheDir, varied)
      await client.snapshot(cacheDir, { ...varied, revision: 'refs/pr/1' })
      for (const repo of [falcon, varied, { ...varied, revision: 'refs/pr/1' }]) {
        const commit = hub.repo(repo.repo_id).resolve('revision' in repo ? repo.revision : 'main')
        const paths = [...(commit?.files.keys() ?? [])]
        const expected = Object.fromEntries(paths.map((path) => [path, sha256Of(commit, path)]))
        expect(await client.resolveOffline(cacheDir, repo, paths)).toEqual(expected)
      }
      const scan = await client.scan(cacheDir)
      expect(scan.warnings).toEqual([])
      expect(scan.repos).toHaveLength(2)
      const blob = hub.repo(varied.repo_id).resolve('main')?.files.get('weights/model.safetensors')?.oid ?? ''
      expect(listCacheTree(cacheDir)[`models--test-org--varied/blobs/${blob}`]).toMatchObject({
        kind: 'file',
      })
      expect(hub.stats().oids[blob]?.requests).toBe(1)
      expect(hub.stats().kinds.cas).toBeUndefined()
      expect(hub.stats().violations).toEqual([])
    })

    test(`${name}: every question about a repo is answered`, async () => {
      await using hub = await startTestHub(hubOptions)
      const { client, cacheDir } = await connect(hub.url, { token: 'hf_in' })
      const repo = hub.repo(varied.repo_id)
      const main = repo.resolve('main')
      const secret = { cache_dir: cacheDir, repo_id: 'o/private' }
      const dataset = { cache_dir: cacheDir, repo_id: 'o/data', repo_type: 'dataset' }
      const results = await client.batch([
        { verb: 'tree', arguments: { ...varied, recursive: true } },
        { verb: 'tree', arguments: { ...varied, path_in_repo: 'odd', expand: true } },
        { verb: 'info', arguments: { ...varied, files_metadata: true, revision: 'feature/new-head' } },
        { verb: 'paths_info', arguments: { ...varied, paths: ['one-byte.bin', 'missing'] } },
        { verb: 'refs', arguments: { ...varied, include_pull_requests: true } },
        { verb: 'commits', arguments: varied },
        { verb: 'whoami' },
        { verb: 'download', arguments: { ...secret, filename: 'f' } },
        { verb: 'download', arguments: { ...secret, filename: 'w' } },
        { verb: 'download', arguments: { ...dataset, filename: 'data/f.txt' } },
        {
          verb: 'download',
          arguments: { repo_id: 'test-org/old-name', cache_dir: cacheDir, filename: 'config.json' },
        },
      ])
      const values = results.map((result) => result.value ?? result.error)
      expect(values[0]).toHaveLength((main?.files.size ?? 0) + (main?.trees.folders.size ?? 0) - 1)
      expect(values[1]).toContainEqual(['odd/big one.bin', 50_000])
      expect(values[2]).toMatchObject({ sha: repo.resolve('feature/new-head')?.id })
      expect(values[3]).toEqual([['one-byte.bin', sha256Of(main, 'one-byte.bin')]])
      expect(values[4]).toEqual({
        branches: ['main', 'feature/new-head'],
        tags: ['v1.0'],
        converts: ['parquet'],
        pull_requests: ['refs/pr/1'],
      })
      expect(values[5]).toEqual([main?.id, repo.resolve('v1.0')?.id])
      expect(values[6]).toBe('in')
      expect(values[7]).toMatchObject({ sha256: sha256Of(hub.repo('o/private').resolve('main'), 'f') })
      expect(values[8]).toMatchObject({ sha256: sha256Of(hub.repo('o/private').resolve('main'), 'w') })
      expect(values[9]).toMatchObject({
        sha256: sha256Of(hub.repo('o/data', 'dataset').resolve('main'), 'data/f.txt'),
      })
      expect(values[10]).toMatchObject({ sha256: sha256Of(main, 'config.json') })
      expect(hub.stats().cdn.authorizations).toEqual([])
    })

    test(`${name}: refusals become the right exceptions`, async () => {
      await using hub = await startTestHub(hubOptions)
      const { client, cacheDir } = await connect(hub.url, { token: 'hf_out' })
      const ask = (repo_id: string, filename: string, more: object = {}) =>
        ({ verb: 'download', arguments: { cache_dir: cacheDir, repo_id, filename, ...more } }) as const
      const results = await client.batch([
        ask(varied.repo_id, 'missing'),
        ask(varied.repo_id, 'config.json', { revision: 'nope' }),
        ask('o/none', 'f'),
        ask('o/private', 'f'),
        ask('o/gated', 'f'),
        ask('o/gated', 'f', { token: false }),
        ask('o/none', 'f', { token: false }),
        ask(varied.repo_id, 'config.json', { token: 'hf_wrong' }),
      ])
      expect(isKindOf(results[0], 'EntryNotFoundError')).toBeTrue()
      expect(isKindOf(results[1], 'RevisionNotFoundError')).toBeTrue()
      expect(isKindOf(results[2], 'RepositoryNotFoundError')).toBeTrue()
      expect(isKindOf(results[3], 'RepositoryNotFoundError')).toBeTrue()
      expect(isKindOf(results[4], 'GatedRepoError')).toBeTrue()
      expect(isKindOf(results[5], 'GatedRepoError')).toBeTrue()
      // A bare 401 says "no such repo" only over https; over http it stays what it is.
      expect(
        isKindOf(results[6], 'HfHubHTTPError') || isKindOf(results[6], 'LocalEntryNotFoundError'),
      ).toBeTrue()
      expect(isKindOf(results[6], 'GatedRepoError')).toBeFalse()
      expect(results[7]?.error).toBeDefined()
    })

    test.skipIf(Bun.which('openssl') === null)(
      `${name}: over https a bare 401 means no such repo`,
      async () => {
        const tls = makeCertificate()
        const caFile = join(root, `${name}.pem`)
        writeFileSync(caFile, tls.cert)
        await using hub = await startTestHub({ ...hubOptions, tls })
        const { client, cacheDir } = await connect(hub.url, { caFile })
        const ask = (repo_id: string, filename: string) =>
          ({ verb: 'download', arguments: { cache_dir: cacheDir, repo_id, filename } }) as const
        const results = await client.batch([
          ask(varied.repo_id, 'one-byte.bin'),
          ask('o/none', 'f'),
          ask('o/private', 'f'),
        ])
        expect(results[0]?.error).toBeUndefined()
        expect(isKindOf(results[1], 'RepositoryNotFoundError')).toBeTrue()
        expect(isKindOf(results[2], 'RepositoryNotFoundError')).toBeTrue()
      },
    )
  }
})
