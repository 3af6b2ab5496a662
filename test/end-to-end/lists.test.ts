import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { eventually } from '../support/gateway/eventually.ts'
import { startNode } from '../support/gateway/gateway-node.ts'
import type { RepoSpec } from '../support/hub/repo.ts'
import { startTestHub } from '../support/hub/test-hub.ts'
import { dfhfBinary, runDfhf } from '../support/program/binary.ts'
import { cacheFaults } from '../support/program/cache-check.ts'
import { type Machine, newMachine } from '../support/program/machine.ts'
import { isExact } from '../support/program/weights.ts'

setDefaultTimeout(60_000)

const model: RepoSpec = {
  id: 'o/model',
  commits: [
    { 'config.json': '{"v":1}\n', w: { seed: 'w', size: 200_000, lfs: true } },
    { 'config.json': '{"v":2}\n', w: { seed: 'w', size: 200_000, lfs: true }, 'x.bin': 'x\n' },
  ],
  tags: { v1: 0 },
}
const data: RepoSpec = {
  id: 'o/data',
  type: 'dataset',
  commits: [{ 'a.csv': 'a\n', 'b.csv': 'b\n', 'c.txt': 'c\n' }],
}
const start = () => startTestHub({ repos: [model, data] })

function write(machine: Machine, name: string, text: string): string {
  const path = join(machine.folder, name)
  writeFileSync(path, text)
  return path
}

/** A pipe that both ends of are open. */
function openPipe(machine: Machine): Disposable & { readonly read: number; readonly write: number } {
  const path = join(machine.folder, 'pipe')
  execFileSync('mkfifo', [path])
  const write = openSync(path, constants.O_RDWR)
  const read = openSync(path, constants.O_RDONLY)
  return {
    read,
    write,
    [Symbol.dispose]() {
      closeSync(read)
      closeSync(write)
    },
  }
}

const lines = (text: string) => text.split('\n').filter((line) => line !== '')

describe('a list of repos', () => {
  test('comes by one run: a folder a line, and one summary', async () => {
    await using hub = await start()
    using machine = newMachine(hub.url)
    write(machine, 'models.txt', '# both\no/model@v1\n\ndatasets/o/data *.csv !b.csv\n')
    const { code, stdout, stderr } = await runDfhf(machine, ['snapshot', '--from', 'models.txt'])
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^3 files, 200 kB in [^\n]*\n$/m)])
    const [first = '', second = '', ...rest] = lines(stdout)
    expect(rest).toEqual([])
    expect(readdirSync(first).sort()).toEqual(['config.json', 'w'])
    expect(readFileSync(join(first, 'config.json'), 'utf8')).toBe('{"v":1}\n')
    expect(isExact(hub, join(first, 'w'), 'w', 'o/model')).toBe(true)
    expect(readdirSync(second)).toEqual(['a.csv'])
    expect(cacheFaults(machine.cache)).toEqual([])
  })

  test('may come from stdin and from a pipe', async () => {
    await using hub = await start()
    using machine = newMachine(hub.url)
    const script = `echo 'o/model *.json' | "$0" snapshot --from - && "$0" snapshot --from <(echo '["o/model@v1 w"]')`
    const child = Bun.spawn(['bash', '-c', script, await dfhfBinary()], {
      env: machine.env,
      cwd: machine.folder,
      stderr: 'inherit',
    })
    expect(lines(await new Response(child.stdout).text())).toHaveLength(2)
    expect(await child.exited).toBe(0)
  })

  test('that never ends on stdin ends with the first signal', async () => {
    using machine = newMachine('http://127.0.0.1:1')
    const command = [await dfhfBinary(), 'snapshot', '--from', '-', '--verbose']
    using stdin = openPipe(machine)
    const child = Bun.spawn(command, { env: machine.env, stdin: stdin.read, stdout: 'pipe', stderr: 'pipe' })
    writeSync(stdin.write, 'o/model\n')
    // It says nothing before it has the list: it sleeps in its read of the pipe.
    await eventually(
      async () => readFileSync(`/proc/${child.pid}/status`, 'utf8'),
      (status) => /^SigCgt:\s*[0-9a-f]*[2367abef]\n/m.test(status),
    )
    child.kill('SIGINT')
    expect(await child.exited).toBe(130)
    expect(await new Response(child.stderr).text()).toContain('interrupted')
  })

  test('brings what it can; the worst failure gives the exit code', async () => {
    await using hub = await start()
    using machine = newMachine(hub.url)
    write(machine, 'models.txt', 'o/none\no/model w\no/model@nosuch\n')
    const args = ['snapshot', '--from', 'models.txt', '--lock', 'l']
    const { code, stdout, stderr } = await runDfhf(machine, args)
    expect(code).toBe(3)
    expect(lines(stdout)).toHaveLength(1)
    expect(stderr).toMatch(/dfhf: error: 2 of 3 repos failed: [^\n]*o\/none[^\n]*nosuch[^\n]*\n$/)
    expect(stderr).toContain('/l is not written')
    expect(existsSync(join(machine.folder, 'l'))).toBe(false)
    const asJson = await runDfhf(machine, ['snapshot', '--from', 'models.txt', '--json', '--quiet'])
    expect(asJson.code).toBe(3)
    expect(lines(asJson.stdout).map((line) => JSON.parse(line))).toMatchObject([
      { repo: 'o/none', revision: 'main', error: { code: 'repo-not-found' } },
      { repo: 'o/model', path: lines(stdout)[0], files: [{ size: 200_000 }] },
      { repo: 'o/model', revision: 'nosuch', error: { code: 'revision-not-found' } },
    ])
  })

  test('says what it would fetch, repo by repo', async () => {
    await using hub = await start()
    using machine = newMachine(hub.url)
    write(machine, 'models.txt', 'o/model w\ndatasets/o/data a.csv\n')
    const { code, stdout } = await runDfhf(machine, ['snapshot', '--from', 'models.txt', '--dry-run'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^o\/model@main\n\[dry-run\][\s\S]*\ndatasets\/o\/data@main\n\[dry-run\]/)
    expect(existsSync(join(machine.cache, 'models--o--model/blobs'))).toBe(false)
  })

  test("comes into another node's store, order by order", async () => {
    await using hub = await start()
    await using node = await startNode(hub.url)
    using machine = newMachine(hub.url)
    write(machine, 'models.txt', 'o/model\no/none\ndatasets/o/data *.csv\n')
    const args = ['snapshot', '--from', 'models.txt', '--on', node.url]
    const { code, stdout, stderr } = await runDfhf(machine, args)
    expect(code).toBe(3)
    expect(lines(stdout).map((line) => line.replace(/@.*/, ''))).toEqual(['o/model', 'datasets/o/data'])
    expect(stderr).toMatch(/^5 files, 200 kB in /m)
    expect(stderr).toContain('1 of 3 repos failed')
    expect(existsSync(machine.cache)).toBe(false)
  })

  test.each([
    [['--from', 'bad.txt'], 2, '/bad.txt:2: not a repo'],
    [['--from', 'none.txt'], 2, 'cannot read the list'],
    [['--from', '.'], 2, 'cannot read the list'],
    [['--from', 'large.txt'], 2, 'has more than'],
    [['--from', 'good.txt', 'o/model'], 2, "does not go together with a repo ('o/model')"],
    [
      ['--from', 'good.txt', '--include', 'x'],
      2,
      'does not go together with --include; write it into the list',
    ],
    [['--from', 'good.txt', '--local-dir', 'd'], 2, '--local-dir holds one repo'],
    [['--lock', 'a', '--locked', 'b', 'o/model'], 2, '--lock and --locked do not go together'],
    [['--locked', 'none.lock'], 2, 'cannot read the lock file'],
    [['--locked', 'good.txt'], 2, 'it is no JSON; write the lock file anew'],
    [[], 2, 'no repo given'],
  ])('is refused in one line: %j', async (args, code, message) => {
    using machine = newMachine('http://127.0.0.1:1')
    write(machine, 'bad.txt', 'o/model\nnot/a/repo\n')
    write(machine, 'good.txt', 'o/model\no/other\n')
    write(machine, 'large.txt', '#'.repeat(2 ** 21))
    const result = await runDfhf(machine, ['snapshot', ...args])
    expect([result.code, result.stdout]).toEqual([code, ''])
    expect(result.stderr).toContain(message)
    expect(lines(result.stderr)).toHaveLength(1)
  })
})

describe('a lock file', () => {
  test('says what came, and brings exactly that again, without the Hub as well', async () => {
    await using hub = await start()
    using machine = newMachine(hub.url)
    using other = newMachine(hub.url)
    const list = write(machine, 'models.txt', 'o/model\ndatasets/o/data *.csv\n')
    const lock = join(machine.folder, 'models.lock')
    const first = await runDfhf(machine, ['snapshot', '--from', list, '--lock', lock])
    expect(first.code, first.stderr).toBe(0)
    const text = readFileSync(lock, 'utf8')
    expect(JSON.parse(text)).toMatchObject({
      version: 1,
      repos: [
        {
          repo: 'o/data',
          type: 'dataset',
          include: ['*.csv'],
          files: [{ path: 'a.csv' }, { path: 'b.csv' }],
        },
        { repo: 'o/model', type: 'model', revision: 'main', commit: hub.repo('o/model').resolve('main')?.id },
      ],
    })
    const dry = await runDfhf(other, ['snapshot', '--from', list, '--dry-run', '--lock', 'dry.lock'])
    expect(dry.code, dry.stderr).toBe(0)
    expect(readFileSync(join(other.folder, 'dry.lock'), 'utf8')).toBe(text)
    // The branch moves on; the lock stays where it is.
    hub.repo('o/model').commit({ 'config.json': '{"v":3}\n' })
    const again = await runDfhf(other, ['snapshot', '--locked', lock])
    expect(again.code, again.stderr).toBe(0)
    const commitOf = (stdout: string) => lines(stdout).map((path) => path.slice(-40))
    expect(commitOf(again.stdout).sort()).toEqual(commitOf(first.stdout).sort())
    expect(readdirSync(lines(again.stdout)[1] ?? '').sort()).toEqual(['config.json', 'w', 'x.bin'])
    expect(cacheFaults(other.cache)).toEqual([])
    hub.stop('hub')
    const offline = await runDfhf(other, ['snapshot', '--locked', lock, '--offline', '--json', '--quiet'])
    expect(offline.code, offline.stderr).toBe(0)
    expect(lines(offline.stdout).map((line) => JSON.parse(line).verified)).toEqual([true, true])
  })

  test('of one repo, and of a list that has changed since', async () => {
    await using hub = await start()
    using machine = newMachine(hub.url)
    expect((await runDfhf(machine, ['snapshot', 'o/model', '--lock', 'l'])).code).toBe(0)
    expect((await runDfhf(machine, ['snapshot', 'o/model', '--locked', 'l'])).code).toBe(0)
    for (const [text, message] of [
      ['o/model@v1\n', 'has no entry for o/model@v1 with these patterns; write the lock file anew'],
      ['o/model w\n', 'has no entry for o/model@main with these patterns'],
      ['o/model\ndatasets/o/data\n', 'has no entry for datasets/o/data@main'],
    ] as const) {
      const list = write(machine, 'models.txt', text)
      const { code, stderr } = await runDfhf(machine, ['snapshot', '--from', list, '--locked', 'l'])
      expect([code, stderr]).toEqual([2, expect.stringContaining(message)])
    }
  })

  test.each([
    [
      'an oid',
      (text: string) => text.replace(/"oid": "[0-9a-f]{64}"/, `"oid": "${'0'.repeat(64)}"`),
      'not 0000',
    ],
    [
      'a size',
      (text: string) => text.replace('"size": 200000', '"size": 200001'),
      'has 200000 bytes, not 200001',
    ],
    ['a file less', (text: string) => text.replace('"path": "w"', '"path": "v"'), 'v is missing'],
  ])('that differs from the Hub in %s ends with 5 and publishes nothing', async (_what, change, message) => {
    await using hub = await start()
    using machine = newMachine(hub.url)
    using other = newMachine(hub.url)
    write(machine, 'models.txt', 'o/model\ndatasets/o/data\n')
    await runDfhf(machine, ['snapshot', '--from', 'models.txt', '--dry-run', '--lock', 'l'])
    const lock = write(other, 'l', change(readFileSync(join(machine.folder, 'l'), 'utf8')))
    const { code, stdout, stderr } = await runDfhf(other, ['snapshot', '--locked', lock])
    expect([code, stdout]).toEqual([5, ''])
    expect(stderr).toContain(message)
    expect(lines(stderr)).toHaveLength(1)
    const placed = ['models--o--model', 'datasets--o--data'].filter((name) =>
      existsSync(join(other.cache, name, 'blobs')),
    )
    expect(placed).toEqual([])
  })

  test('is enough to fetch from peers where there is no Hub at all', async () => {
    await using hub = await start()
    using away = newMachine(hub.url)
    expect((await runDfhf(away, ['snapshot', 'o/model', '--lock', 'l'])).code).toBe(0)
    hub.stop('hub')
    const key = write(away, 'key', `${'k'.repeat(40)}\n`)
    chmodSync(key, 0o600)
    const keyed = ['--cluster-key-file', key, '--origin', 'never']
    const env = { HF_HUB_CACHE: away.cache }
    await using depot = await startNode(hub.url, { seeds: [], args: keyed, env })
    using machine = newMachine(hub.url)
    const args = [
      '--locked',
      join(away.folder, 'l'),
      '--seeds',
      depot.peerAddress ?? '',
      '--no-multicast',
      '--json',
    ]
    const { code, stdout, stderr } = await runDfhf(machine, ['snapshot', ...args, ...keyed], {
      env: { DFHF_NO_PEERS: undefined, DFHF_LISTEN: '127.0.0.1:0' },
    })
    expect(code, stderr).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ repo: 'o/model', bytes: { hub: 0, peers: 200_010 } })
    expect(isExact(hub, join(JSON.parse(stdout).path, 'w'), 'w', 'o/model')).toBe(true)
  })

  test('finds a file in the cache whose bytes are not what it says', async () => {
    await using hub = await start()
    using machine = newMachine(hub.url)
    const first = await runDfhf(machine, ['snapshot', 'o/model', '--lock', 'l'])
    writeFileSync(join(lines(first.stdout)[0] ?? '', 'config.json'), '{"v":9}\n')
    const { code, stderr } = await runDfhf(machine, ['snapshot', '--locked', 'l', '--offline'])
    expect(code).toBe(5)
    expect(stderr).toMatch(
      /config\.json at .* does not hold what its oid says; run again with --force-download/,
    )
    expect((await runDfhf(machine, ['snapshot', '--locked', 'l', '--force-download'])).code).toBe(0)
    expect((await runDfhf(machine, ['snapshot', '--locked', 'l', '--offline'])).code).toBe(0)
    expect(cacheFaults(machine.cache)).toEqual([])
  })
})
