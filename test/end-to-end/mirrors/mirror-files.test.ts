import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Fault } from '../../support/hub/faults.ts'
import type { RepoSpec } from '../../support/hub/repo.ts'
import { startTestHub, type TestHub, type TestHubOptions } from '../../support/hub/test-hub.ts'
import { runDfhf } from '../../support/program/binary.ts'
import { cacheFaults } from '../../support/program/cache-check.ts'
import { hasHf, hfSnapshot } from '../../support/program/hf.ts'
import { newMachine } from '../../support/program/machine.ts'
import { expectExact, isExact } from '../../support/program/weights.ts'

setDefaultTimeout(120_000)
const size = 12_000_000
const text = 'text\n'
const repo: RepoSpec = {
  id: 'o/r',
  commits: [{ w: { seed: 'weights', size, lfs: true }, t: text, empty: '', 'größe/ü b.txt': 'umlaut\n' }],
}
const paths = ['w', 't', 'empty', 'größe/ü b.txt']
const digest = (algorithm: string) => createHash(algorithm).update(text).digest('hex')

/** Each a habit of mirrors and proxies that leaves the bytes as they are. */
const habits: readonly [name: string, faults: readonly Fault[], options?: TestHubOptions][] = [
  [
    'answers each HEAD with 200 and a length of 0',
    [{ match: { method: 'HEAD' }, headers: { 'Content-Length': '0' } }],
    { linksRegularFiles: false },
  ],
  ['gives no length of plain files', [{ match: { method: 'HEAD' }, headers: { 'Content-Length': null } }]],
  ...['sha1', 'sha256', 'md5'].map((name): [string, Fault[]] => [
    `makes the ETag of plain files by ${name}`,
    [{ match: { target: '/t(?:\\?|$)' }, headers: { ETag: `"${digest(name)}"` } }],
  ]),
  ['gives plain files no ETag', [{ match: { target: '/t(?:\\?|$)' }, headers: { ETag: null } }]],
  ['does not say which range it sends', [{ match: { ranged: true }, headers: { 'Content-Range': null } }]],
  ...[7, -7].map((by): [string, Fault[]] => [
    `announces once a length of a range that is ${by} bytes off`,
    [
      {
        match: { side: 'cdn', ranged: true },
        times: 1,
        headers: { 'Content-Length': String(2 ** 20 + by) },
      },
    ],
  ]),
]

async function hubWith(faults: readonly Fault[], options: TestHubOptions = {}): Promise<TestHub> {
  return await startTestHub({ repos: [repo], ...options, faults })
}

describe('from a mirror that', () => {
  for (const [name, faults, options] of habits) {
    test.concurrent(`${name}, each file comes alone`, async () => {
      await using hub = await hubWith(faults, options)
      for (const path of paths) {
        using machine = newMachine(hub.url)
        expectExact(hub, await runDfhf(machine, ['download', 'o/r', path]), path)
        expect(cacheFaults(machine.cache)).toEqual(
          name.includes('sha256') && path === 't' ? expect.any(Array) : [],
        )
      }
    })

    test.concurrent(`${name}, all files come together`, async () => {
      await using hub = await hubWith(faults, options)
      using machine = newMachine(hub.url)
      const result = await runDfhf(machine, ['snapshot', 'o/r'])
      expect(result.code, result.stderr).toBe(0)
      for (const path of paths) expect(isExact(hub, join(result.stdout.trimEnd(), path), path)).toBe(true)
      expect(cacheFaults(machine.cache)).toEqual([])
    })
  }

  test.skipIf(!hasHf)(
    'makes the ETag of plain files by sha1, all is where huggingface_hub finds it',
    async () => {
      const faults = [{ match: { target: '/t(?:\\?|$)' }, headers: { ETag: `"${digest('sha1')}"` } }] as const
      await using hub = await hubWith(faults)
      using machine = newMachine(hub.url)
      const result = await runDfhf(machine, ['snapshot', 'o/r'])
      const found = await hfSnapshot(machine, { repo_id: 'o/r', cache_dir: machine.cache })
      expect(found).toBe(result.stdout.trimEnd())
      expect(readFileSync(join(String(found), 't'), 'utf8')).toBe(text)
    },
  )

  test('announces lengths that are wrong for ever, the failure is one line', async () => {
    await using hub = await hubWith([
      { match: { side: 'cdn', ranged: true }, headers: { 'Content-Length': String(2 ** 20 + 7) } },
    ])
    using machine = newMachine(hub.url)
    const result = await runDfhf(machine, ['download', 'o/r', 'w'])
    expect(result.code).toBe(6)
    expect(result.stderr).toMatch(/error: .*announced a length that is not its range's/)
    expect(result.stdout).toBe('')
  })

  test('lists other files than it gives, keeps none of them under a wrong name', async () => {
    await using hub = await hubWith([{ match: { target: '/t(?:\\?|$)', method: 'GET' }, flip: [0] }])
    using machine = newMachine(hub.url)
    const result = await runDfhf(machine, ['download', 'o/r', 't'])
    expect(result.code).toBe(5)
    expect(cacheFaults(machine.cache)).toEqual([])
  })
})
