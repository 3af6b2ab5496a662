import { describe, expect, test } from 'bun:test'
import type { Environment } from '../../src/base/environment.ts'
import { DfhfError } from '../../src/base/errors.ts'
import { selectFiles } from '../../src/commands/select-files.ts'
import {
  resolveCache,
  resolveDownload,
  resolveServe,
  resolveSnapshot,
} from '../../src/commands/settings/resolve-options.ts'
import { createSettingReader } from '../../src/commands/settings/setting-reader.ts'

type Flags = Readonly<Record<string, readonly string[]>>

function readerOf(flags: Flags, env: Environment) {
  return createSettingReader({
    flags: new Map(Object.entries(flags)),
    env,
    config: new Map(),
    configPath: '',
  })
}

function download(names: readonly string[], flags: Flags = {}, env: Environment = { HOME: '/h' }) {
  return resolveDownload(readerOf(flags, env), env, names)
}

function serve(flags: Flags = {}, env: Environment = { HOME: '/h' }) {
  return resolveServe(readerOf(flags, env), env)
}

function refusal(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof DfhfError && error.code === 'usage') return error.message
    throw error
  }
  throw new Error('nothing was refused')
}

describe('file names', () => {
  const none = { include: [], exclude: [] }

  test('of exactly one file mean that file', () => {
    expect(selectFiles(['a/b.bin'], none)).toEqual({ kind: 'file', path: 'a/b.bin' })
  })

  test.each(['../x', '/x', 'a/../x', 'a//b', ''])('that no repo can have are refused: %j', (name) => {
    expect(refusal(() => selectFiles([name], none))).toContain('not a path in a repo')
  })

  test('none mean the whole repo', () => {
    expect(selectFiles([], none)).toEqual({ kind: 'files', include: undefined, exclude: [], mustMatch: [] })
  })

  test('several, or a folder, are patterns, of which plain ones must match', () => {
    expect(selectFiles(['art/'], none)).toMatchObject({ include: ['art/**'], mustMatch: ['art/**'] })
    expect(selectFiles(['a.bin', '*.json'], none)).toMatchObject({
      include: ['a.bin', '*.json'],
      mustMatch: ['a.bin'],
    })
  })

  test('beside patterns are refused', () => {
    expect(refusal(() => selectFiles(['a'], { include: ['*'], exclude: [] }))).toContain('do not go together')
    expect(selectFiles([], { include: ['*.json'], exclude: ['x'] })).toMatchObject({
      include: ['*.json'],
      exclude: ['x'],
    })
  })
})

describe('download', () => {
  test('has every option filled in', () => {
    expect(download(['org/name'])).toEqual({
      hub: {
        endpoint: 'https://huggingface.co',
        originProxy: undefined,
        isTrusted: false,
        token: undefined,
        etagTimeoutMs: 10_000,
        downloadTimeoutMs: 10_000,
      },
      places: {
        cacheDir: '/h/.cache/huggingface/hub',
        stateDir: '/h/.cache/huggingface/dfhf',
        storeDir: '/h/.cache/huggingface/dfhf/store',
      },
      peers: {
        isSharing: true,
        isMulticast: true,
        seeds: [],
        listen: { host: undefined, port: 65002 },
        isListenGiven: false,
        advertise: undefined,
        zone: undefined,
        clusterKeyFile: undefined,
        origin: 'auto',
        tls: undefined,
      },
      speed: {
        connections: undefined,
        limitRate: undefined,
        hubLimitRate: undefined,
        uploadLimitRate: undefined,
      },
      repo: { type: 'model', id: 'org/name' },
      revision: 'main',
      selection: { kind: 'files', include: undefined, exclude: [], mustMatch: [] },
      localDir: undefined,
      isForced: false,
      isDryRun: false,
      isOffline: false,
      useSymlinks: true,
      maxWorkers: 8,
    })
  })

  test('takes the cache from the variables of huggingface_hub', () => {
    const env = { HOME: '/h', HF_HOME: '/hf', HUGGINGFACE_HUB_CACHE: '~/old' }
    expect(download(['a'], {}, env).places).toMatchObject({ stateDir: '/hf/dfhf', cacheDir: '/h/old' })
    expect(download(['a'], {}, { ...env, HF_HUB_CACHE: '/new' }).places.cacheDir).toBe('/new')
    expect(download(['a'], { 'cache-dir': ['/flag'] }, env).places.cacheDir).toBe('/flag')
  })

  test('understands a type, a revision and a path in the spelling of the repo', () => {
    expect(download(['datasets/org/data@v1'])).toMatchObject({
      repo: { type: 'dataset', id: 'org/data' },
      revision: 'v1',
    })
    expect(download(['hf://org/name@refs/pr/1/a/b.bin'])).toMatchObject({
      revision: 'refs/pr/1',
      selection: { kind: 'file', path: 'a/b.bin' },
    })
    const ofMirror = download(
      ['http://mirror:1/org/name/resolve/main/a.bin'],
      {},
      { HF_ENDPOINT: 'http://mirror:1/' },
    )
    expect(ofMirror).toMatchObject({ selection: { kind: 'file', path: 'a.bin' } })
  })

  test.each([
    ['a revision in two places', ['org/name@v1'], { revision: ['v2'] }, 'names a revision'],
    ['a file in two places', ['hf://org/name/a.bin', 'b.bin'], {}, 'names a file itself'],
    ['a type that contradicts', ['datasets/org/x'], { 'repo-type': ['model'] }, 'is a dataset'],
    ['a revision that is none', ['org/name'], { revision: ['../x'] }, 'not a revision'],
    ['two places to put it', ['a'], { 'cache-dir': ['/a'], 'local-dir': ['/b'] }, 'do not go together'],
    ['offline and afresh', ['a'], { offline: ['true'], 'force-download': ['true'] }, 'while offline'],
    ['peers only, without peers', ['a'], { origin: ['never'], 'no-peers': ['true'] }, 'needs peers'],
    ['a certificate without key', ['a'], { 'tls-cert': ['/c'] }, 'given together'],
    ['no repo', [], {}, 'no repo given'],
  ] as const)('refuses %s', (_what, names, flags, message) => {
    expect(refusal(() => download(names, flags))).toContain(message)
  })

  test('takes a local folder although the environment names a cache', () => {
    const options = download(['a'], { 'local-dir': ['/l'] }, { HOME: '/h', HF_HUB_CACHE: '/c' })
    expect([options.localDir, options.places.cacheDir]).toEqual(['/l', '/c'])
  })

  test('without peers knows none', () => {
    const { peers } = download(['a'], { 'no-peers': ['true'], seeds: ['x:1'] })
    expect(peers).toMatchObject({ isSharing: false, isMulticast: false, seeds: [] })
  })
})

test('snapshot takes another node, but then nothing that is for this one', () => {
  const snapshot = (flags: Flags) => resolveSnapshot(readerOf(flags, {}), {}, ['org/name'])
  expect(snapshot({ on: ['http://node:65001/'] }).on).toBe('http://node:65001')
  expect(refusal(() => snapshot({ on: ['http://node:65001'], 'dry-run': ['true'] }))).toContain('--on')
})

describe('serve', () => {
  test('refuses to start with nothing to serve', () => {
    expect(refusal(() => serve({ 'no-peers': ['true'], gateway: ['off'] }))).toContain(
      'nothing is left to serve',
    )
  })

  test('has a gateway on loopback, a quota and a floor', () => {
    expect(serve()).toMatchObject({
      gateway: {
        listen: { host: '127.0.0.1', port: 65001 },
        allowHosts: [],
        ignoreQueryParams: ['Expires', 'Key-Pair-Id', 'Policy', 'Signature'],
        staleForMs: 86_400_000,
      },
      isFetchingForPeers: false,
      storeQuota: 100e9,
      minFree: 2e9,
      minFreeShare: 0.12,
      graceMs: 5_000,
      metrics: undefined,
      checkEveryMs: 30 * 86_400_000,
    })
  })

  test('listens wider only when told so in full, or not at all', () => {
    expect(serve({ gateway: ['7000'] }).gateway?.listen).toEqual({ host: '127.0.0.1', port: 7000 })
    expect(serve({ gateway: [':7000'] }).gateway?.listen).toEqual({ host: undefined, port: 7000 })
    expect(serve({ gateway: ['off'] }).gateway).toBeUndefined()
  })

  test('refuses to be its own Hub, as HF_ENDPOINT for the whole machine would make it', () => {
    const env = { HF_ENDPOINT: 'http://127.0.0.1:65001' }
    expect(refusal(() => serve({}, env))).toContain('is this gateway itself')
    expect(refusal(() => serve({}, { HF_ENDPOINT: 'http://localhost:65001' }))).toContain('itself')
    const saved = serve({}, { ...env, DFHF_ENDPOINT: 'https://huggingface.co' })
    expect(saved.hub.endpoint).toBe('https://huggingface.co')
    expect(serve({ gateway: ['off'] }, env).hub.endpoint).toBe('http://127.0.0.1:65001')
  })

  test('refuses to be its own proxy', () => {
    const env = { HTTPS_PROXY: 'http://127.0.0.1:65001' }
    expect(refusal(() => serve({}, env))).toContain('the proxy 127.0.0.1:65001 is this gateway itself')
    expect(refusal(() => serve({}, { ALL_PROXY: 'localhost:65001' }))).toContain('itself')
    serve({}, { ...env, NO_PROXY: 'huggingface.co' })
    serve({}, { HTTP_PROXY: 'http://127.0.0.1:65001' })
    serve({ gateway: ['7000'] }, env)
  })
})

test('prune knows no quota but one that was given: that of a daemon may stand on its command line alone', () => {
  const quotaOf = (flags: Flags, env: Environment) =>
    resolveCache(readerOf(flags, { HOME: '/h', ...env }), { HOME: '/h', ...env }, ['prune']).storeQuota
  expect([quotaOf({}, {}), quotaOf({ 'store-quota': ['5GB'] }, {})]).toEqual([undefined, 5e9])
  expect(quotaOf({}, { DFHF_STORE_QUOTA: '6GB' })).toBe(6e9)
})
