import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hostilePaths, hostileRepo, variedRepo } from '../support/hub/fixtures.ts'
import type { RepoSpec } from '../support/hub/repo.ts'
import { startTestHub, type TestHubOptions } from '../support/hub/test-hub.ts'
import { runDfhf } from '../support/program/binary.ts'
import { cacheFaults } from '../support/program/cache-check.ts'
import { failureOf } from '../support/program/failure.ts'
import { newMachine } from '../support/program/machine.ts'

setDefaultTimeout(60_000)
const varied = 'test-org/varied'
const hubOptions: TestHubOptions = {
  users: [
    { name: 'in', token: 'hf_in', access: ['o/private', 'o/gated'] },
    { name: 'out', token: 'hf_out' },
  ],
  repos: [
    variedRepo(),
    { id: 'o/private', private: true, commits: [{ f: 'secret', w: { text: 'weights', lfs: true } }] },
    { id: 'o/gated', gated: 'manual', commits: [{ f: 'secret' }] },
    { id: 'o/off', disabled: true, commits: [{ f: 'x' }] },
  ],
}

describe('what the Hub does not have or does not give', () => {
  const out = { HF_TOKEN: 'hf_out' }
  const refusals: readonly [
    name: string,
    args: readonly string[],
    env: Record<string, string>,
    code: number,
    says: string,
  ][] = [
    ['an unknown repo', ['download', 'o/none', 'f'], out, 3, 'no repo o/none'],
    ['an unknown repo, without a token', ['download', 'o/none', 'f'], {}, 3, 'private repo needs HF_TOKEN'],
    ['a snapshot of an unknown repo', ['snapshot', 'o/none'], out, 3, 'no repo o/none'],
    [
      'an unknown revision',
      ['download', varied, 'config.json', '--revision', 'no'],
      {},
      3,
      "no revision 'no'",
    ],
    ['a snapshot of an unknown revision', ['snapshot', `${varied}@no`], {}, 3, "no revision 'no'"],
    ['an unknown file', ['download', varied, 'no.bin'], {}, 3, "no file 'no.bin'"],
    [
      'an unknown file among others',
      ['download', varied, 'config.json', 'no.bin'],
      {},
      3,
      "no file 'no.bin'",
    ],
    ['a gated repo without a token', ['download', 'o/gated', 'f'], {}, 4, 'no token was sent'],
    [
      'a gated repo, the token lacking access',
      ['download', 'o/gated', 'f'],
      out,
      4,
      'has no access to o/gated',
    ],
    [
      'a gated snapshot, the token lacking access',
      ['snapshot', 'o/gated'],
      out,
      4,
      'has no access to o/gated',
    ],
    ['a private repo without a token', ['download', 'o/private', 'f'], {}, 3, 'private repo needs HF_TOKEN'],
    [
      'a private repo, the token lacking access',
      ['download', 'o/private', 'w'],
      out,
      3,
      'has no access to it',
    ],
    [
      'a token that no user has',
      ['download', varied, 'f'],
      { HF_TOKEN: 'hf_bad' },
      4,
      'does not accept the token',
    ],
    ['a repo that the Hub has disabled', ['download', 'o/off', 'f'], {}, 4, 'has disabled o/off'],
  ]
  test.each(refusals)('%s', async (_name, args, env, code, says) => {
    await using hub = await startTestHub(hubOptions)
    using machine = newMachine(hub.url)
    const line = failureOf(await runDfhf(machine, args, { env }), code)
    expect(line).toContain(says)
    expect(line).not.toMatch(/hf_(?:in|out|bad)/)
    expect(cacheFaults(machine.cache)).toEqual([])
    expect(hub.stats().cdn.requests).toBe(0)
  })

  test('what a token gives access to comes, and the token goes to the Hub alone', async () => {
    await using hub = await startTestHub(hubOptions)
    using machine = newMachine(hub.url)
    const flag = await runDfhf(machine, ['download', 'o/private', 'w', '--token', 'hf_in'])
    expect(flag.code).toBe(0)
    expect(flag.stdout).toEndWith('/w\n')
    const home = join(machine.folder, 'hf')
    writeFileSync(join(home, 'token'), 'hf_in\n')
    expect((await runDfhf(machine, ['snapshot', 'o/gated'])).code).toBe(0)
    expect(hub.stats().hub.authorizations).toEqual(['Bearer hf_in'])
    expect(hub.stats().cdn).toMatchObject({ requests: 1, authorizations: [] })
    expect(hub.stats().violations).toEqual([])
  })
})

describe('a Hub out of reach', () => {
  test.concurrent('that is down is named in one line, after a few tries', async () => {
    // Its port on an address that no other test listens at: one of these could get it next.
    const hub = await startTestHub({ ...hubOptions, host: '127.0.77.1' })
    using machine = newMachine(hub.url)
    await hub[Symbol.asyncDispose]()
    const line = failureOf(await runDfhf(machine, ['download', varied, 'config.json']), 6)
    expect(line).toContain('connection refused')
    expect(existsSync(machine.cache)).toBe(false)
  })

  test.concurrent('whose name does not resolve is named in one line', async () => {
    using machine = newMachine('http://no-such-host.invalid')
    const line = failureOf(await runDfhf(machine, ['snapshot', varied]), 6)
    expect(line).toContain('no-such-host.invalid')
    expect(existsSync(machine.cache)).toBe(false)
  })

  test.concurrent('does not matter for a file that is here', async () => {
    // Its port on an address that no other test listens at: one of these could get it next.
    const hub = await startTestHub({ ...hubOptions, host: '127.0.77.1' })
    using machine = newMachine(hub.url)
    const args = ['download', varied, 'config.json']
    const first = await runDfhf(machine, args)
    await hub[Symbol.asyncDispose]()
    const again = await runDfhf(machine, args)
    expect(again).toMatchObject({ code: 0, stdout: first.stdout })
    expect(again.stderr).toContain('using the copy of config.json that is here')
  })
})

describe('offline', () => {
  const offline = { HF_HUB_OFFLINE: '1' }

  test('finds what is here without a single request', async () => {
    await using hub = await startTestHub(hubOptions)
    using machine = newMachine(hub.url)
    const first = await runDfhf(machine, ['snapshot', varied])
    hub.resetStats()
    const again = await runDfhf(machine, ['snapshot', varied], { env: offline })
    expect(again).toMatchObject({ code: 0, stdout: first.stdout })
    const file = await runDfhf(machine, ['download', varied, 'a b/c d.txt', '--offline'])
    expect(file).toMatchObject({ code: 0, stdout: `${join(first.stdout.trim(), 'a b/c d.txt')}\n` })
    expect(hub.requests).toHaveLength(0)
  })

  test.each([[['snapshot', varied]], [['download', varied, 'config.json']]])(
    'says that nothing is here: %j',
    async (args) => {
      await using hub = await startTestHub(hubOptions)
      using machine = newMachine(hub.url)
      expect(failureOf(await runDfhf(machine, args, { env: offline }), 3)).toContain('not in the cache')
      expect(existsSync(machine.cache)).toBe(false)
      expect(hub.requests).toHaveLength(0)
    },
  )
})

describe('a Hub that lies', () => {
  test.each(hostilePaths)(
    'about a path is refused, and no byte of that file is written: %j',
    async (path) => {
      await using hub = await startTestHub({ repos: [hostileRepo(path)] })
      using machine = newMachine(hub.url)
      const isLong = path.length > 255
      const result = await runDfhf(machine, ['snapshot', 'test-org/hostile', '--quiet'])
      failureOf(result, isLong ? 7 : 6)
      expect(result.stderr.split('\n')).toHaveLength(2)
      expect(cacheFaults(machine.cache)).toEqual([])
      expect(readdirSync(machine.folder)).toEqual(['hf'])
      const written = readdirSync(machine.folder, { recursive: true }) as string[]
      const blobs = written.filter((name) => name.includes('/blobs/'))
      expect(blobs.map((name) => readFileSync(join(machine.folder, name), 'utf8'))).toEqual(['good\n'])
      expect(
        written.filter((name) => name.includes('/snapshots/') && name.endsWith('good.txt')),
      ).toHaveLength(1)
      expect(hub.stats().cdn.requests).toBe(0)
    },
  )

  const sha256 = '0'.repeat(64)
  const weights = { seed: 'weights', size: 3_000_000, lfs: true } as const
  const lies: readonly [string, RepoSpec['commits'][number], number][] = [
    ['the oid of a large file', { w: { ...weights, claims: { oid: sha256 } } }, 5],
    ['the oid of a small LFS file', { w: { text: 'weights', lfs: true, claims: { oid: sha256 } } }, 5],
    ['the oid of a regular file', { w: { text: 'text', claims: { oid: '0'.repeat(40) } } }, 5],
    ['the oid of an empty file', { w: { text: '', lfs: true, claims: { oid: sha256 } } }, 5],
    ['the size, which is less', { w: { ...weights, claims: { size: 3_000_001 } } }, 6],
    ['the size, which is more', { w: { ...weights, claims: { size: 2_999_999 } } }, 6],
  ]
  test.each(lies)('about %s is found out, and nothing is kept', async (_name, files, code) => {
    await using hub = await startTestHub({ repos: [{ id: 'o/liar', commits: [files] }] })
    using machine = newMachine(hub.url)
    const line = failureOf(await runDfhf(machine, ['download', 'o/liar', 'w', '--quiet']), code)
    expect(line).toContain('o/liar')
    expect(cacheFaults(machine.cache, { mayHavePartials: code === 6 })).toEqual([])
  })
})

describe('small files', () => {
  test.each(['empty.txt', 'empty.bin', 'one-byte.bin'])(
    'of 0 or 1 byte come like others: %s',
    async (path) => {
      await using hub = await startTestHub(hubOptions)
      using machine = newMachine(hub.url)
      const result = await runDfhf(machine, ['download', varied, path])
      expect(result.code).toBe(0)
      expect(await Bun.file(result.stdout.trim()).text()).toBe(path.startsWith('one') ? 'x' : '')
      expect(cacheFaults(machine.cache)).toEqual([])
    },
  )
})

describe('a wrong command line', () => {
  test.each([
    [['download']],
    [['download', varied, '--no-such-flag']],
    [['download', varied, '--max-workers', 'many']],
    [['download', varied, '--limit-rate', 'fast']],
    [['download', varied, 'f', '--include', '*.bin']],
    [['download', 'a/b/c/d']],
    [['download', varied, '../x']],
    [['download', varied, '--revision', '../../x']],
    [['snapshot', varied, '--cache-dir', 'a', '--local-dir', 'b']],
    [['snapshot', varied, '--offline', '--force-download']],
    [['snapshot', varied, '--repo-type', 'song']],
    [['no-such-command']],
  ])('is exit code 2 and no request: %j', async (args) => {
    await using hub = await startTestHub(hubOptions)
    using machine = newMachine(hub.url)
    failureOf(await runDfhf(machine, args), 2)
    expect(hub.requests).toHaveLength(0)
    expect(readdirSync(machine.folder)).toEqual([])
  })

  test.each([
    [['snapshot', '--from', '/no/list'], 'cannot read the list /no/list: no such file or folder'],
    [['snapshot', '--locked', '/'], 'cannot read the lock file /: it is a folder'],
    [['download', varied, '--config', '/no/config'], 'the config file /no/config: no such file or folder'],
    [['serve', '--cluster-key-file', '/no/key'], 'the cluster key file /no/key: no such file or folder'],
    [
      ['serve', '--tls-cert', '/no/cert', '--tls-key', '/no/key'],
      ': no such file or folder; check --tls-cert',
    ],
    [['serve', '--warm-token-file', '/no/token'], 'the warm token file /no/token: no such file or folder'],
    [['serve', '--warm-token-file', '/'], 'the warm token file /: it is no file of one token'],
  ])('that names a file which cannot be read says why, before anything starts: %j', async (args, says) => {
    await using hub = await startTestHub(hubOptions)
    using machine = newMachine(hub.url)
    const sharing = { DFHF_NO_PEERS: undefined, DFHF_NO_MULTICAST: '1', DFHF_GATEWAY: '127.0.0.1:0' }
    const message = failureOf(await runDfhf(machine, args, { env: sharing }), 2)
    expect(message).toContain(says)
    expect(hub.requests).toHaveLength(0)
  })

  test('as of a daemon whose proxy is its own gateway is refused, as it would ask itself', async () => {
    using machine = newMachine('https://huggingface.co')
    const env = { HTTPS_PROXY: 'http://127.0.0.1:65001', DFHF_GATEWAY: '127.0.0.1:65001' }
    const sharing = { DFHF_NO_PEERS: undefined, DFHF_NO_MULTICAST: '1' }
    expect(failureOf(await runDfhf(machine, ['serve'], { env: { ...env, ...sharing } }), 2)).toContain(
      'the proxy 127.0.0.1:65001 is this gateway itself',
    )
  })
})
