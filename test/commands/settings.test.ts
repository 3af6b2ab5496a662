import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DfhfError } from '../../src/base/errors.ts'
import { parseConfig, readConfigFile } from '../../src/commands/settings/config-file.ts'
import {
  parseAddress,
  parseCount,
  parseDuration,
  parseFloor,
  parseGrace,
  parseHttpUrl,
  parseLimit,
  parseRate,
  parseSeconds,
} from '../../src/commands/settings/parse-values.ts'
import { createSettingReader, type SettingSources } from '../../src/commands/settings/setting-reader.ts'
import { settings, settingsFor } from '../../src/commands/settings/settings.ts'

const folder = await mkdtemp(join(tmpdir(), 'dfhf-settings-'))
afterAll(() => rm(folder, { recursive: true }))

function usageOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof DfhfError && error.code === 'usage') return error.message
    throw error
  }
  throw new Error('nothing was thrown')
}

function reader(sources: Partial<SettingSources>) {
  return createSettingReader({
    flags: new Map(),
    env: {},
    config: new Map(),
    configPath: '/c.toml',
    ...sources,
  })
}

test('each command takes what is its own and what all take', () => {
  const takersOf = (flag: string) =>
    (['download', 'snapshot', 'serve'] as const).filter((command) =>
      settingsFor(command).some((setting) => setting.flag === flag),
    )
  for (const flag of ['endpoint', 'seeds', 'limit-rate', 'cache-dir', 'store-dir', 'config'])
    expect([flag, ...takersOf(flag)]).toEqual([flag, 'download', 'snapshot', 'serve'])
  for (const flag of ['include', 'local-dir', 'offline', 'json'])
    expect([flag, ...takersOf(flag)]).toEqual([flag, 'download', 'snapshot'])
  expect(takersOf('on')).toEqual(['snapshot'])
  expect(takersOf('gateway')).toEqual(['serve'])
  const ofCache = new Set(settingsFor('cache').map(({ flag }) => flag))
  expect(['repair', 'dry-run', 'store-quota'].filter((flag) => !ofCache.has(flag))).toEqual([])
  const isTaken = (flag: string) => takersOf(flag).length > 0 || ofCache.has(flag)
  expect(Object.values(settings).filter(({ flag }) => !isTaken(flag))).toEqual([])
})

describe('values', () => {
  test('are addresses with or without a host', () => {
    expect(parseAddress('65002')).toEqual({ host: undefined, port: 65002 })
    expect(parseAddress(':65002')).toEqual({ host: undefined, port: 65002 })
    expect(parseAddress('node-7.example:0')).toEqual({ host: 'node-7.example', port: 0 })
    expect(parseAddress('[fe80::1]:80')).toEqual({ host: 'fe80::1', port: 80 })
    for (const bad of ['', 'host', '70000', 'host:70000', 'fe80::1:80', '[x]:80', 'a:b:1', '-1'])
      expect(usageOf(() => parseAddress(bad))).toContain('is no address')
  })

  test('are spans, seconds, counts and limits', () => {
    expect(['90s', '10m', '1.5h', '7d', '0'].map(parseDuration)).toEqual([90e3, 600e3, 5.4e6, 604.8e6, 0])
    expect(['10', '0.5'].map(parseSeconds)).toEqual([10_000, 500])
    expect(parseCount(1)('8')).toBe(8)
    expect([parseRate('20M'), parseRate('1Gbit'), parseRate('100 Mbit/s'), parseRate('0')]).toEqual([
      20e6,
      125e6,
      12.5e6,
      undefined,
    ])
    expect([parseLimit('20MB'), parseLimit('1MiB/s'), parseLimit('0')]).toEqual([20e6, 2 ** 20, undefined])
    for (const bad of ['10', '5x', '-1s', '']) expect(usageOf(() => parseDuration(bad))).toContain('no span')
    for (const bad of ['0', 'x', '-1', '1e3']) expect(usageOf(() => parseSeconds(bad))).toContain('seconds')
    for (const bad of ['0', '1.5', 'x', '']) expect(usageOf(() => parseCount(1)(bad))).toContain('whole')
  })

  test('are free space in bytes or as a share of the disk, and a grace that may be none', () => {
    expect(parseFloor('50GB')).toEqual({ size: 50e9, share: 0 })
    expect(parseFloor('12.5%')).toEqual({ size: 0, share: 0.125 })
    for (const bad of ['101%', '-1%', '%', 'x%', 'much'])
      expect(usageOf(() => parseFloor(bad))).toContain(bad)
    expect(reader({}).read(settings.minFree)).toEqual({ size: 2e9, share: 0.12 })
    expect(['0', '55', '0.5'].map(parseGrace)).toEqual([0, 55_000, 500])
    for (const bad of ['', '-1', '1m', '9999999']) expect(usageOf(() => parseGrace(bad))).toContain('seconds')
  })

  test('are addresses of the web, without a slash at the end', () => {
    expect(parseHttpUrl('http://mirror:8080/hf/')).toBe('http://mirror:8080/hf')
    for (const bad of ['huggingface.co', 'ftp://x', 'http://', ''])
      expect(usageOf(() => parseHttpUrl(bad))).toContain('no http or https address')
  })
})

describe('a setting', () => {
  const flags = new Map([['max-workers', ['3']]])
  const env = { DFHF_MAX_WORKERS: '4' }
  const config = new Map([['max-workers', ['5']]])

  test('comes from the flag before the environment before the file before the default', () => {
    expect(reader({ flags, env, config }).read(settings.maxWorkers)).toBe(3)
    expect(reader({ env, config }).read(settings.maxWorkers)).toBe(4)
    expect(reader({ config }).read(settings.maxWorkers)).toBe(5)
    expect(reader({}).read(settings.maxWorkers)).toBe(8)
  })

  test('takes the strongest variable, and an empty one for unset', () => {
    const offline = (env: Record<string, string>) => reader({ env }).read(settings.offline)
    expect(offline({ HF_HUB_OFFLINE: '', TRANSFORMERS_OFFLINE: '1' })).toBe(true)
    expect(offline({ HF_HUB_OFFLINE: '0', TRANSFORMERS_OFFLINE: '1' })).toBe(false)
    const endpoint = reader({ env: { HF_ENDPOINT: 'http://a', DFHF_ENDPOINT: 'http://b/' } })
    expect(endpoint.read(settings.endpoint)).toBe('http://b')
  })

  test('names the place where a bad value was written', () => {
    const bad = { 'max-workers': ['x'] }
    expect(
      usageOf(() => reader({ flags: new Map(Object.entries(bad)) }).read(settings.maxWorkers)),
    ).toStartWith("--max-workers: 'x'")
    expect(usageOf(() => reader({ env: { DFHF_MAX_WORKERS: 'x' } }).read(settings.maxWorkers))).toStartWith(
      "DFHF_MAX_WORKERS: 'x'",
    )
    expect(
      usageOf(() => reader({ config: new Map(Object.entries(bad)) }).read(settings.maxWorkers)),
    ).toStartWith("max-workers in /c.toml: 'x'")
    expect(usageOf(() => reader({ env: { DFHF_LIMIT_RATE: 'fast' } }).read(settings.limitRate))).toBe(
      "DFHF_LIMIT_RATE: not a size: 'fast'",
    )
  })

  test('that is a list may be repeated or separated by commas, patterns only repeated', () => {
    const given = reader({
      flags: new Map([
        ['seeds', ['a:1, b:2', 'c:3']],
        ['include', ['*.{a,b}', 'c']],
      ]),
    })
    expect(given.read(settings.seeds)).toEqual(['a:1', 'b:2', 'c:3'])
    expect(given.read(settings.include)).toEqual(['*.{a,b}', 'c'])
  })
})

describe('the config file', () => {
  test('gives texts by flag; the own table of a command goes before the rest', () => {
    const text =
      'seeds = ["a:1", "b:2"]\nmax-workers = 4\nno-multicast = true\n[serve]\nlisten = "65009"\nseeds = "c:3"\n'
    expect(Object.fromEntries(parseConfig(text, '/c', 'download'))).toEqual({
      seeds: ['a:1', 'b:2'],
      'max-workers': ['4'],
      'no-multicast': ['true'],
    })
    expect(Object.fromEntries(parseConfig(text, '/c', 'serve'))).toMatchObject({
      seeds: ['c:3'],
      listen: ['65009'],
    })
  })

  test.each([
    ['no TOML', 'a = ', 'the config file /c is no TOML'],
    ['a key that no setting has', 'max-worker = 3', "unknown key 'max-worker' in /c"],
    ['a key of another command in a table', '[serve]\nmax-workers = 3', "unknown key 'max-workers' in /c"],
    ['a secret', 'token = "x"', "'token' cannot stand in /c"],
    ['a nested value', 'seeds = [["a"]]', "'seeds' in /c is neither"],
    ['an unknown table', '[daemon]\nlisten = 1', "unknown key 'daemon' in /c"],
  ])('is refused with %s', (_what, text, message) => {
    expect(usageOf(() => parseConfig(text, '/c', 'download'))).toStartWith(message)
  })

  test('may be missing unless the user named it', async () => {
    const path = join(folder, 'none.toml')
    expect((await readConfigFile(path, { command: 'serve', mustExist: false })).size).toBe(0)
    const refused = readConfigFile(path, { command: 'serve', mustExist: true })
    await expect(refused).rejects.toThrow(`cannot read the config file ${path}: no such file or folder`)
  })

  test('is read from disk', async () => {
    const path = join(folder, 'config.toml')
    await writeFile(path, '# mine\nlimit-rate = "20MB"\n')
    const config = await readConfigFile(path, { command: 'download', mustExist: true })
    expect(reader({ config }).read(settings.limitRate)).toBe(20e6)
  })
})
