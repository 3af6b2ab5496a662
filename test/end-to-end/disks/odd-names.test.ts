import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { startNode } from '../../support/gateway/gateway-node.ts'
import { hasPrograms } from '../../support/gateway/requirements.ts'
import type { RepoSpec } from '../../support/hub/repo.ts'
import { startTestHub, type TestHub } from '../../support/hub/test-hub.ts'
import { dfhfBinary, runDfhf } from '../../support/program/binary.ts'
import { type Machine, newMachine } from '../../support/program/machine.ts'
import { isExact } from '../../support/program/weights.ts'

setDefaultTimeout(60_000)

/** What a repo's author may name a file, to play with the terminal of those who download it. */
const names = [
  'clear\u009b2J.bin',
  'next\u0085line.txt',
  'gpj\u202etxt.bin',
  'arabic\u061cmark.txt',
  'hid\u200bden.txt',
  'line\u2028break.txt',
  'isolate\u2066d\u2069.txt',
  'tag\u{e0041}ged.txt',
]
const repo: RepoSpec = {
  id: 'o/r',
  commits: [Object.fromEntries(names.map((name, at) => [name, `text ${at}\n`]))],
}

/** What must not stand in any output. */
const unsafe = /(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u

async function withHub(work: (hub: TestHub, machine: Machine) => Promise<void>): Promise<void> {
  await using hub = await startTestHub({ repos: [repo] })
  using machine = newMachine(hub.url)
  await work(hub, machine)
}

describe('names that play with the terminal', () => {
  for (const name of names)
    test(`${JSON.stringify(name).replace(new RegExp(unsafe, 'gu'), '?')}: the path is exact for a program, the rest is shown`, () =>
      withHub(async (hub, machine) => {
        const plain = await runDfhf(machine, ['download', 'o/r', name])
        expect(plain.code, plain.stderr).toBe(0)
        expect(plain.stdout.split('\n')).toHaveLength(2)
        expect(isExact(hub, plain.stdout.slice(0, -1), name)).toBe(true)
        expect(plain.stderr).not.toMatch(unsafe)
        const json = await runDfhf(machine, ['download', 'o/r', name, '--json', '--verbose'])
        expect(json.stdout + json.stderr).not.toMatch(unsafe)
        const { path } = JSON.parse(json.stdout) as { path: string }
        expect(path).toBe(plain.stdout.slice(0, -1))
        expect(existsSync(path)).toBe(true)
      }))

  test('of a snapshot, its plan, its errors and its progress', () =>
    withHub(async (hub, machine) => {
      for (const args of [
        ['snapshot', 'o/r', '--dry-run'],
        ['snapshot', 'o/r', '--dry-run', '--quiet'],
        ['snapshot', 'o/r', '--dry-run', '--json'],
        ['snapshot', 'o/r', '--verbose'],
        ['snapshot', 'o/r', '--json', '--force-download'],
        ['download', 'o/r', `none${names[0]}`],
        ['download', 'o/r', names[2] ?? '', '--revision', `none${names[2]}`],
      ]) {
        const { stdout, stderr } = await runDfhf(machine, args)
        expect([args, stdout + stderr]).toEqual([args, expect.not.stringMatching(unsafe)])
      }
      hub.addFault({ match: { kind: 'resolve' }, status: 500, times: 2 })
      hub.addFault({ match: { kind: 'resolve-cache' }, flip: [0] })
      const failed = await runDfhf(machine, ['snapshot', 'o/r', '--json', '--force-download'])
      expect(failed.stdout + failed.stderr).not.toMatch(unsafe)
    }))

  test.skipIf(!hasPrograms('script'))('of a result on a terminal', () =>
    withHub(async (_hub, machine) => {
      for (const name of names) {
        const command = `${await dfhfBinary()} download o/r "$NAME" 2>/dev/null`
        const child = Bun.spawn(['script', '-qec', command, '/dev/null'], {
          env: { ...machine.env, NAME: name, TERM: 'dumb', SHELL: '/bin/sh' },
          stdin: 'ignore',
          stdout: 'pipe',
        })
        const shown = (await new Response(child.stdout).text()).replaceAll('\r', '')
        expect(shown).toContain('/snapshots/')
        expect(shown).not.toMatch(unsafe)
        expect(shown.trimEnd().split('\n')).toHaveLength(1)
      }
    }),
  )

  test('of what a node serves: its log, its orders and its refusals', () =>
    withHub(async (hub, machine) => {
      await using node = await startNode(hub.url, { args: ['--verbose'] })
      const order = await runDfhf(machine, ['snapshot', 'o/r', '--on', node.url])
      expect(order.code, order.stderr).toBe(0)
      expect(order.stdout + order.stderr).not.toMatch(unsafe)
      const answer = await fetch(`${node.url}/v1/warm`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: '{"repo":"o/r"}',
      })
      const lines = await answer.text()
      expect(lines).not.toMatch(unsafe)
      const told = lines.split('\n').flatMap((line) => /"name":"(?:[^"\\]|\\.)*"/.exec(line) ?? [])
      expect(told.map((line) => (JSON.parse(`{${line}}`) as { name: string }).name).sort()).toEqual(
        [...names].sort(),
      )
      hub.stop('hub')
      for (const name of names) {
        const missing = await fetch(`${node.url}/o/r/resolve/v2/${encodeURIComponent(name)}`)
        expect(await missing.text()).not.toMatch(unsafe)
      }
      expect(node.running.stderr()).not.toMatch(unsafe)
    }))

  test('of a folder of the user: a line break in it never makes two lines', () =>
    withHub(async (_hub, machine) => {
      const folder = join(machine.folder, 'two\nlines')
      const { code, stdout, stderr } = await runDfhf(machine, [
        'download',
        'o/r',
        names[0] ?? '',
        '--local-dir',
        folder,
      ])
      expect(code, stderr).toBe(0)
      expect(stdout.split('\n')).toHaveLength(2)
    }))
})
