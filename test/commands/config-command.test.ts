import { expect, test } from 'bun:test'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { settings } from '../../src/commands/settings/settings.ts'
import { FakeProcess } from './fake-process.ts'

interface Shown {
  readonly name: string
  readonly value: string | null
  readonly from: string
  readonly where: string | null
}

async function shown(argv: readonly string[], env = {}): Promise<Map<string, Shown>> {
  const { code, stdout, stderr } = await new FakeProcess().run(['config', ...argv, '--json'], { env })
  expect([code, stderr]).toEqual([0, ''])
  const { settings: all }: { settings: Shown[] } = JSON.parse(stdout)
  return new Map(all.map((each) => [each.name, each]))
}

test('every setting is shown with its default', async () => {
  const all = await shown([])
  for (const { flag } of Object.values(settings)) expect(all.has(flag)).toBe(true)
  expect(all.get('store-quota')).toEqual({
    name: 'store-quota',
    value: '100GB',
    from: 'default',
    where: null,
  })
  expect(all.get('cache-dir')?.value).toBe('/h/.cache/huggingface/hub')
})

test('a flag goes before a variable, that before the file, and each is named', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dfhf-config-'))
  try {
    const config = join(folder, 'c.toml')
    await writeFile(config, 'connections = 3\nlisten = 7001\n[serve]\nstore-quota = "5GB"\nconnections = 4\n')
    const env = { DFHF_CONFIG: config, DFHF_LISTEN: '7002', DFHF_GATEWAY: '7003' }
    const all = await shown(['serve', '--gateway', '7004'], env)
    const places = ['gateway', 'listen', 'store-quota', 'connections'].map((name) => {
      const { value, from, where } = all.get(name) ?? {}
      return [name, value, from, where]
    })
    expect(places).toEqual([
      ['gateway', '7004', 'flag', '--gateway'],
      ['listen', '7002', 'variable', 'DFHF_LISTEN'],
      ['store-quota', '5GB', 'file', config],
      ['connections', '4', 'file', config],
    ])
    expect((await shown([], env)).get('connections')?.value).toBe('3')
    expect(all.has('max-workers')).toBe(false)
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('a place that follows from a variable names it', async () => {
  const placesIn = async (env: object) => {
    const all = await shown([], env)
    return ['cache-dir', 'store-dir'].map((name) => [all.get(name)?.value, all.get(name)?.where])
  }
  expect(await placesIn({ HF_HOME: '/hf', XDG_CACHE_HOME: '/xdg' })).toEqual([
    ['/hf/hub', 'HF_HOME'],
    ['/hf/dfhf/store', 'HF_HOME'],
  ])
  expect(await placesIn({ XDG_CACHE_HOME: '/xdg', DFHF_STORE_DIR: '/store' })).toEqual([
    ['/xdg/huggingface/hub', 'XDG_CACHE_HOME'],
    ['/store', 'DFHF_STORE_DIR'],
  ])
})

test('no secret is shown', async () => {
  const env = {
    HF_TOKEN: 'hf_topsecrettoken',
    HTTPS_PROXY: 'socks5://me:proxypassword@p:1080',
    HF_ENDPOINT: 'https://me:hubpassword@hub.example',
  }
  const process = new FakeProcess()
  const { code, stdout } = await process.run(['config'], { env })
  expect(code).toBe(0)
  expect(stdout).not.toMatch(/topsecret|proxypassword|hubpassword/)
  expect(stdout).toMatch(/token +\[secret\] +HF_TOKEN/)
  expect((await shown(['--token', 'sometoken'])).get('token')).toMatchObject({
    value: '[secret]',
    where: '--token',
  })
})

test('a value that is none is named with its place', async () => {
  const { code, stderr } = await new FakeProcess().run(['config'], { env: { DFHF_STORE_QUOTA: 'much' } })
  expect([code, stderr]).toEqual([2, expect.stringContaining('DFHF_STORE_QUOTA')])
})
