import { expect, test } from 'bun:test'
import { type OpeningFacts, openingLines } from '../../src/commands/opening-lines.ts'
import { resolveServe } from '../../src/commands/settings/resolve-options.ts'
import { createSettingReader } from '../../src/commands/settings/setting-reader.ts'

const facts: OpeningFacts = {
  version: '1.2.3',
  tokenFrom: undefined,
  blobs: 12,
  storeSize: 3e9,
  hasClusterKey: false,
  peerPort: 65002,
  addresses: ['10.0.0.5', 'fd00::5'],
}

function linesOf(flags: Readonly<Record<string, readonly string[]>>, more: Partial<OpeningFacts> = {}) {
  const env = { HF_HOME: '/hf' }
  const reader = createSettingReader({
    flags: new Map(Object.entries(flags)),
    env,
    config: new Map(),
    configPath: '',
  })
  return openingLines(resolveServe(reader, env), { ...facts, ...more })
}

test('a daemon by default says that its peers get public blobs and its gateway is for this machine', () => {
  expect(linesOf({})).toEqual([
    'dfhf 1.2.3, for the Hub at huggingface.co, asked without a token',
    'blobs: 12, from the store /hf/dfhf/store (3.0 GB of 100 GB) and the cache /hf/hub',
    'peers: at 10.0.0.5:65002, [fd00::5]:65002, found by multicast; every machine that reaches it gets blobs of public repos, and none of private ones',
    'gateway: for this machine alone',
  ])
})

test('one with a key, seeds and a gateway for others says so, and names no token', () => {
  const flags = {
    seeds: ['a:1,b'],
    gateway: ['0.0.0.0:65001'],
    'gateway-host': ['node'],
    'gateway-allow': ['10.0.0.0/8'],
    token: ['hf_secret'],
    listen: ['192.0.2.1:65002'],
  }
  const [hub, , peers, gateway] = linesOf(flags, { hasClusterKey: true, tokenFrom: '--token' })
  expect(hub).toBe('dfhf 1.2.3, for the Hub at huggingface.co, asked with the token of --token')
  expect(peers).toContain('at 192.0.2.1:65002, found by multicast and seeds a:1')
  expect(peers).toEndWith('holders of the cluster key get all blobs, and no other machine any')
  expect(gateway).toBe('gateway: for 10.0.0.0/8 and this machine, each with its own token, also called node')
})

test('what is off is said to be off', () => {
  expect(linesOf({ gateway: ['off'] })[3]).toBe('gateway: off')
  expect(linesOf({}, { peerPort: undefined })[2]).toBe('peers: none are asked or answered (--no-peers)')
})
