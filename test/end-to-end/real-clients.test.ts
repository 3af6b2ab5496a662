import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readAll } from '../support/hub/content.ts'
import { falconRepo, variedRepo } from '../support/hub/fixtures.ts'
import { startTestHub, type TestHub } from '../support/hub/test-hub.ts'
import { runDfhf } from '../support/program/binary.ts'
import { cacheFaults } from '../support/program/cache-check.ts'
import { type Machine, newMachine } from '../support/program/machine.ts'
import { type CacheEntry, listCacheTree } from '../support/python/cache-tree.ts'
import { clientVersions } from '../support/python/client-versions.ts'
import { RealClient } from '../support/python/real-client.ts'
import { runProcess } from '../support/python/run-process.ts'
import { clientEnv } from '../support/python/run-python.ts'
import { canRunPython, ensureVenv } from '../support/python/venv.ts'

setDefaultTimeout(300_000)
const varied = 'test-org/varied'
const falcon = 'tiiuae/falcon-rw-1b'
const revisions = ['main', 'v1.0', 'feature/new-head', 'refs/pr/1']
const start = () =>
  startTestHub({ repos: [variedRepo(), falconRepo({ weightsSize: 3_000_000 })], pageSize: 5 })

/** What every client agrees on: blobs, refs and snapshots. */
function sharedTree(folder: string): Record<string, CacheEntry> {
  return keep(listCacheTree(folder), (path) =>
    /^models--[^/]+(?:$|\/(?:blobs|refs|snapshots)(?:$|\/))/.test(path),
  )
}

function keep(
  tree: Record<string, CacheEntry>,
  isKept: (path: string) => boolean,
): Record<string, CacheEntry> {
  return Object.fromEntries(Object.entries(tree).filter(([path]) => isKept(path)))
}

function digestsOf(hub: TestHub, repo: string, revision: string): Record<string, string> {
  const files = hub.repo(repo).resolve(revision)?.files ?? new Map()
  return Object.fromEntries(
    [...files].map(([path, { content }]) => [
      path,
      createHash('sha256').update(readAll(content)).digest('hex'),
    ]),
  )
}

async function fill(machine: Machine): Promise<void> {
  const runs = [
    ['snapshot', falcon],
    ...revisions.map((revision) => ['snapshot', varied, '--revision', revision]),
    ['download', varied, 'no-such-file.bin'],
  ]
  for (const args of runs) {
    const { code, stderr } = await runDfhf(machine, args)
    expect([args, code, code === 0 ? '' : stderr]).toEqual([
      args,
      args[0] === 'snapshot' ? 0 : 3,
      args[0] === 'snapshot' ? '' : expect.any(String),
    ])
  }
}

describe.skipIf(!canRunPython())('dfhf and huggingface_hub', () => {
  for (const [name, requirements] of Object.entries(clientVersions)) {
    const isOld = name === 'hub-0'
    /** 0.x knows nothing of the tag that 1.x puts into the root. */
    const isOfTag = (warning: string) => isOld && warning.endsWith('/CACHEDIR.TAG')
    const connect = async (endpoint: string, home: string) => {
      const python = await ensureVenv(name, requirements)
      const env = clientEnv({ endpoint, home })
      return { client: new RealClient(python, env), python, env }
    }

    test(`${name}: make the same cache of the same repos`, async () => {
      await using hub = await start()
      using theirs = newMachine(hub.url)
      using ours = newMachine(hub.url)
      const { client } = await connect(hub.url, theirs.folder)
      await client.snapshot(theirs.cache, { repo_id: falcon })
      for (const revision of revisions) await client.snapshot(theirs.cache, { repo_id: varied, revision })
      await client.batch([
        {
          verb: 'download',
          arguments: { cache_dir: theirs.cache, repo_id: varied, filename: 'no-such-file.bin' },
        },
      ])
      await fill(ours)
      expect(sharedTree(ours.cache)).toEqual(sharedTree(theirs.cache))
      const marks = (cache: string) => keep(listCacheTree(cache), (path) => path.includes('/.no_exist'))
      expect(marks(ours.cache)).toEqual(marks(theirs.cache))
      // Which locks were taken is each client's own affair; what they are called is not.
      const locks = Object.keys(listCacheTree(ours.cache)).filter((path) => path.endsWith('.lock'))
      expect(Object.keys(listCacheTree(theirs.cache))).toEqual(expect.arrayContaining(locks))
      if (isOld) return
      // Lists of files and the tag came with 1.x.
      const others = (cache: string) =>
        keep(listCacheTree(cache), (path) => /\/trees|^CACHEDIR.TAG$/.test(path))
      expect(others(ours.cache)).toEqual(others(theirs.cache))
    })

    test(`${name}: finds all that dfhf has fetched, without a request and without a warning`, async () => {
      await using hub = await start()
      using machine = newMachine(hub.url)
      await fill(machine)
      hub.resetStats()
      const { client, python, env } = await connect(hub.url, machine.folder)
      const wanted: readonly (readonly [repo: string, revision: string])[] = [
        [falcon, 'main'],
        ...revisions.map((revision) => [varied, revision] as const),
      ]
      for (const [repo_id, revision] of wanted) {
        const digests = digestsOf(hub, repo_id, revision)
        const found = await client.resolveOffline(machine.cache, { repo_id, revision }, Object.keys(digests))
        expect(found).toEqual(digests)
      }
      const offline = new RealClient(python, { ...env, HF_HUB_OFFLINE: '1' })
      const folder = await offline.snapshot(machine.cache, { repo_id: varied, revision: 'refs/pr/1' })
      expect(folder).toEndWith(hub.repo(varied).resolve('refs/pr/1')?.id ?? 'no commit')
      const scan = await client.scan(machine.cache)
      expect(scan.warnings.filter((text) => !isOfTag(text))).toEqual([])
      expect(scan.repos.map(({ id, refs }) => [id, refs]).sort()).toEqual([
        [varied, ['feature/new-head', 'main', 'refs/pr/1', 'v1.0']],
        [falcon, ['main']],
      ])
      expect(hub.requests).toHaveLength(0)
      const tool = join(python, '../hf')
      const list = isOld ? ['scan', '--dir', machine.cache] : ['ls', '--quiet', '--cache-dir', machine.cache]
      const { stdout, stderr } = await runProcess([tool, 'cache', ...list], { env })
      expect(stdout).toContain(falcon)
      expect(stdout).toContain(varied)
      if (!isOld) expect(stderr).not.toMatch(/warning|corrupt/i)
    })

    test(`${name}: goes on with what dfhf has fetched, and dfhf with what it has`, async () => {
      await using hub = await start()
      using machine = newMachine(hub.url)
      const { client } = await connect(hub.url, machine.folder)
      await client.snapshot(machine.cache, { repo_id: falcon })
      const first = await runDfhf(machine, ['snapshot', varied])
      hub.resetStats()
      const again = await runDfhf(machine, ['snapshot', falcon, '--json'])
      expect(JSON.parse(again.stdout).bytes).toEqual({ hub: 0, peers: 0, local: 0 })
      expect(await client.snapshot(machine.cache, { repo_id: varied })).toBe(first.stdout.trimEnd())
      expect(hub.stats().oids).toEqual({})
      expect(cacheFaults(machine.cache)).toEqual([])
    })

    test(`${name}: make the same local folder, and each takes the other's for up to date`, async () => {
      await using hub = await start()
      using theirs = newMachine(hub.url)
      using ours = newMachine(hub.url)
      const { client } = await connect(hub.url, theirs.folder)
      const [their, our] = [join(theirs.folder, 'here'), join(ours.folder, 'here')]
      await client.snapshot(theirs.cache, { repo_id: varied }, { local_dir: their })
      expect((await runDfhf(ours, ['snapshot', varied, '--local-dir', our])).code).toBe(0)
      const isCommon = (path: string) => !/\.lock$|CACHEDIR\.TAG$|\/trees(?:\/|$)/.test(path)
      const isMetadata = (path: string) => path.endsWith('.metadata')
      const tree = (folder: string) =>
        keep(listCacheTree(folder), (path) => isCommon(path) && !isMetadata(path))
      expect(tree(our)).toEqual(tree(their))
      const notes = (folder: string) =>
        Object.keys(listCacheTree(folder))
          .filter(isMetadata)
          .map((path) => [path, readFileSync(join(folder, path), 'utf8').split('\n').slice(0, 2)])
      expect(notes(our)).toEqual(notes(their))
      const times = Object.keys(listCacheTree(our)).filter(isMetadata)
      for (const path of times) expect(readFileSync(join(our, path), 'utf8')).toMatch(/\n\d{10,}\.\d+\n$/)

      hub.resetStats()
      await client.snapshot(theirs.cache, { repo_id: varied }, { local_dir: our })
      const again = await runDfhf(ours, ['snapshot', varied, '--local-dir', their, '--json'])
      expect(JSON.parse(again.stdout).bytes).toEqual({ hub: 0, peers: 0, local: 0 })
      expect(hub.stats().oids).toEqual({})
      expect(existsSync(join(our, '.cache/huggingface/.gitignore'))).toBe(true)
    })
  }
})
