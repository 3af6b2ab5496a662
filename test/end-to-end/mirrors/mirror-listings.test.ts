import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Fault } from '../../support/hub/faults.ts'
import type { RepoSpec } from '../../support/hub/repo.ts'
import { startTestHub, type TestHub } from '../../support/hub/test-hub.ts'
import { runDfhf } from '../../support/program/binary.ts'
import { hasHf, hfSnapshot } from '../../support/program/hf.ts'
import { newMachine } from '../../support/program/machine.ts'
import { isExact } from '../../support/program/weights.ts'

setDefaultTimeout(120_000)

const oddNames = ['Icon\r', 'a\tb', '...', 'del\u007f', 'C:x', 'back\\slash', 'end. ', 'new\nline']
const files = {
  'ok.txt': 'fine\n',
  'sub/one.txt': 'one\n',
  'sub/deep/two.txt': 'two\n',
  'größe.txt': 'umlaut\n',
}
const repo: RepoSpec = { id: 'o/r', commits: [files] }

function hubWith(faults: readonly Fault[], spec: RepoSpec = repo): Promise<TestHub> {
  return startTestHub({ repos: [spec], faults })
}

/** The names below a folder, in order, without the folders themselves. */
function namesBelow(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()
}

/** A server before the Hub, below a path, that writes headers in its own way. */
function mirrorOf(
  hub: TestHub,
  {
    prefix = '',
    rewrite,
  }: { readonly prefix?: string; readonly rewrite: Readonly<Record<string, (value: string) => string>> },
) {
  return Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch({ url, method, headers: sent }) {
      const { pathname, search } = new URL(url)
      if (!pathname.startsWith(`${prefix}/`)) return new Response('no such mirror', { status: 404 })
      const target = hub.url + pathname.slice(prefix.length) + search
      const answer = await fetch(target, { method, headers: sent, redirect: 'manual' })
      const headers = new Headers(answer.headers)
      headers.delete('content-encoding')
      for (const [name, change] of Object.entries(rewrite)) {
        const value = headers.get(name)
        if (value !== null) headers.set(name, change(value))
      }
      const body = method === 'HEAD' ? null : await answer.bytes()
      return new Response(body, { status: answer.status, headers })
    },
  })
}

describe('a listing with odd names', () => {
  const odd: RepoSpec = {
    id: 'o/r',
    commits: [{ ...files, ...Object.fromEntries(oddNames.map((name) => [name, `of ${name}\n`])) }],
  }

  test('gives all that this file system stores', async () => {
    await using hub = await hubWith([], odd)
    using machine = newMachine(hub.url)
    const result = await runDfhf(machine, ['snapshot', 'o/r'])
    expect(result.code, result.stderr).toBe(0)
    const folder = result.stdout.slice(0, -1)
    expect(namesBelow(folder)).toEqual([...Object.keys(files), ...oddNames].sort())
    for (const name of oddNames) expect(isExact(hub, join(folder, name), name)).toBe(true)
    expect(result.stderr).not.toMatch(/[\r\t\u007f]/)
  })

  test.skipIf(!hasHf)('gives what huggingface_hub gives', async () => {
    // It refuses a whole repo for a name that Windows could take for a path.
    const taken = ['Icon\r', 'a\tb', '...', 'del\u007f']
    const names = Object.fromEntries(taken.map((name) => [name, 'x\n']))
    await using hub = await hubWith([], { id: 'o/r', commits: [{ ...files, ...names }] })
    using machine = newMachine(hub.url)
    using other = newMachine(hub.url)
    const result = await runDfhf(machine, ['snapshot', 'o/r'])
    const found = await hfSnapshot(other, { repo_id: 'o/r', cache_dir: other.cache })
    expect(namesBelow(String(found))).toEqual(namesBelow(result.stdout.slice(0, -1)))
  })

  for (const place of ['cache', 'local dir'])
    test(`in which one would leave the ${place} gives all others, and names that one`, async () => {
      const evil = ['../out', 'a/../../out', '/out', 'a\\..\\..\\out']
      const hostile = { ...files, ...Object.fromEntries(evil.map((name) => [name, 'out'])) }
      await using hub = await hubWith([], { id: 'o/r', commits: [hostile] })
      using machine = newMachine(hub.url)
      const local = join(machine.folder, 'local')
      const args = place === 'cache' ? [] : ['--local-dir', local]
      const result = await runDfhf(machine, ['snapshot', 'o/r', ...args])
      expect(result.code).toBe(6)
      expect(result.stderr).toContain('4 of 8 files cannot be stored, all others are here')
      for (const name of evil) expect(result.stderr).toContain(JSON.stringify(name))
      const all = namesBelow(machine.folder).filter((name) => name.endsWith('out'))
      expect(all).toEqual([])
      expect(existsSync('/out')).toBe(false)
      const one = await runDfhf(machine, ['snapshot', 'o/r', '--include', '*.txt', ...args])
      expect(one.code, one.stderr).toBe(0)
      expect(namesBelow(one.stdout.trimEnd()).filter((name) => !name.startsWith('.'))).toEqual(
        Object.keys(files).sort(),
      )
    })

  test('in which one is too long gives all others, and names that one', async () => {
    const long = 'x'.repeat(300)
    await using hub = await hubWith([], { id: 'o/r', commits: [{ ...files, [long]: 'long' }] })
    using machine = newMachine(hub.url)
    const result = await runDfhf(machine, ['snapshot', 'o/r'])
    expect(result.code).toBe(7)
    expect(result.stderr).toMatch(/1 of 5 files cannot be stored.*too long/)
  })
})

describe('a mirror', () => {
  test('behind TLS whose next pages come with another scheme, port and its own path is listed to the end', async () => {
    const names = Array.from({ length: 5 }, (_, at) => `f${at}.txt`)
    await using hub = await startTestHub({
      repos: [{ id: 'o/r', commits: [Object.fromEntries(names.map((name) => [name, name]))] }],
      pageSize: 2,
    })
    using mirror = mirrorOf(hub, {
      prefix: '/hf',
      rewrite: {
        link: (link) => link.replace(/<https?:\/\/[^/>]*/, '<https://127.0.0.1:8443/hf'),
        location: (location) => (location.startsWith('/') ? `/hf${location}` : location),
      },
    })
    using machine = newMachine(`http://127.0.0.1:${mirror.port}/hf`)
    const result = await runDfhf(machine, ['snapshot', 'o/r'])
    expect(result.code, result.stderr).toBe(0)
    expect(namesBelow(result.stdout.trimEnd())).toEqual(names)
  })

  test.each([
    ['its own', 'größe.txt'],
    ['to the CDN', 'größe.bin'],
  ])('whose redirects have raw UTF-8 is followed (%s)', async (_, name) => {
    const isLfs = name.endsWith('.bin')
    const content = isLfs ? { seed: 'x', size: 3_000_000, lfs: true } : 'umlaut\n'
    await using hub = await startTestHub({ repos: [{ id: 'o/r', commits: [{ [name]: content }] }] })
    // What a server writes that sends its own UTF-8 as it is: each byte as one character.
    const location = (text: string) => Buffer.from(decodeURI(text)).toString('latin1')
    using mirror = mirrorOf(hub, { rewrite: { location } })
    using machine = newMachine(`http://127.0.0.1:${mirror.port}`)
    const result = await runDfhf(machine, ['download', 'o/r', name])
    expect(result.code, result.stderr).toBe(0)
    expect(isExact(hub, result.stdout.trimEnd(), name)).toBe(true)
  })

  test.each(['tree', 'paths-info'] as const)(
    'without %s is told of in words, and single files come',
    async (kind) => {
      const gone: Fault = {
        match: { kind },
        status: 404,
        headers: { 'X-Error-Code': null, 'X-Error-Message': null, 'X-Repo-Commit': null },
      }
      const noSize: Fault = { match: { method: 'HEAD', target: 'sub/one' }, headers: { ETag: null } }
      await using hub = await hubWith(kind === 'tree' ? [gone] : [gone, noSize])
      using machine = newMachine(hub.url)
      const args = kind === 'tree' ? ['snapshot', 'o/r'] : ['download', 'o/r', 'sub/one.txt']
      const result = await runDfhf(machine, args)
      expect(result.code).toBe(6)
      expect(result.stderr).toContain(`it lacks the Hub's call '${kind}'`)
      const single = await runDfhf(machine, ['download', 'o/r', 'ok.txt'])
      expect(single.code, single.stderr).toBe(0)
    },
  )
})

describe('what a user asks for', () => {
  test('by a pattern that matches nothing ends well, with a warning', async () => {
    await using hub = await hubWith([])
    using machine = newMachine(hub.url)
    const result = await runDfhf(machine, ['snapshot', 'o/r', '--include', '*.gguf'])
    expect(result.code, result.stderr).toBe(0)
    expect(result.stderr).toContain("no file of o/r at main is meant by --include '*.gguf'")
    const json = await runDfhf(machine, ['snapshot', 'o/r', '--include', '*.gguf', '--json'])
    expect(json.code).toBe(0)
    expect(json.stdout + json.stderr).toContain("no file of o/r at main is meant by --include '*.gguf'")
  })

  test('by the address of a folder is that folder', async () => {
    await using hub = await hubWith([])
    using machine = newMachine(hub.url)
    for (const verb of ['download', 'snapshot']) {
      const result = await runDfhf(machine, [verb, `${hub.url}/o/r/tree/main/sub`])
      expect(result.code, result.stderr).toBe(0)
      expect(namesBelow(result.stdout.trimEnd())).toEqual(['sub/deep/two.txt', 'sub/one.txt'])
    }
    const none = await runDfhf(machine, ['download', `${hub.url}/o/r/tree/main/none`])
    expect(none.code).toBe(3)
  })

  test('by the address of a folder whose name looks like a pattern is that folder', async () => {
    const pages = {
      'app/[id]/page.txt': 'page\n',
      'app/i/other.txt': 'other\n',
      'app/d/other.txt': 'other\n',
    }
    await using hub = await hubWith([], { id: 'o/r', commits: [pages] })
    using machine = newMachine(hub.url)
    const result = await runDfhf(machine, ['snapshot', `${hub.url}/o/r/tree/main/app/[id]`])
    expect(result.code, result.stderr).toBe(0)
    expect(namesBelow(result.stdout.trimEnd())).toEqual(['app/[id]/page.txt'])
  })

  test('as a model and is a dataset is named so in the hint', async () => {
    await using hub = await hubWith([], { ...repo, type: 'dataset' })
    using machine = newMachine(hub.url)
    for (const args of [
      ['download', 'o/r', 'ok.txt'],
      ['snapshot', 'o/r'],
    ]) {
      const result = await runDfhf(machine, args)
      expect(result.code).toBe(3)
      expect(result.stderr).toContain('there is a dataset of this name: write datasets/o/r')
    }
    const nothing = await runDfhf(machine, ['download', 'o/none', 'ok.txt'])
    expect(nothing.code).toBe(3)
    expect(nothing.stderr).not.toContain('of this name')
  })
})
