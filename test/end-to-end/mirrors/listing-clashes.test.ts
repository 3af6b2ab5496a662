import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { startTestHub, type TestHub } from '../../support/hub/test-hub.ts'
import { runDfhf } from '../../support/program/binary.ts'
import { newMachine } from '../../support/program/machine.ts'
import { isExact } from '../../support/program/weights.ts'

setDefaultTimeout(90_000)

const files = {
  'ok.txt': 'fine\n',
  'sub/one.txt': 'one\n',
  'z/last.txt': 'the last and largest of them all\n',
}
const names = Object.keys(files).sort()

/** A mirror whose list of files has further entries, which all say that they hold what `ok.txt` holds. */
function mirrorWith(hub: TestHub, paths: readonly string[]) {
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const { pathname, search } = new URL(request.url)
      const target = hub.url + pathname + search
      const answer = await fetch(target, {
        headers: request.headers,
        method: request.method,
        redirect: 'manual',
      })
      const headers = new Headers(answer.headers)
      headers.delete('content-encoding')
      if (!pathname.includes('/tree/')) {
        return new Response(request.method === 'HEAD' ? null : await answer.bytes(), {
          status: answer.status,
          headers,
        })
      }
      headers.delete('content-length')
      const entries: unknown = await answer.json()
      if (!Array.isArray(entries)) throw new Error('no list')
      const [like] = entries.filter(({ path }) => path === 'ok.txt')
      return Response.json([...paths.map((path) => ({ ...like, path })), ...entries], { headers })
    },
  })
  return { url: `http://127.0.0.1:${server.port}`, [Symbol.dispose]: () => server.stop(true) }
}

/** The files below a folder that are no notes of a client. */
function namesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter((name) => !name.startsWith('.cache/'))
    .sort()
}

const clashes: readonly [name: string, paths: readonly string[], bad: readonly string[], code: number][] = [
  ['is also a folder of others', ['sub'], ['sub'], 6],
  ['is listed twice with different contents', ['z/last.txt'], ['z/last.txt'], 6],
  ['is empty', [''], [''], 6],
  ['is longer than any path', [`${'d/'.repeat(3_000)}x`], ['d/d/d/'], 7],
  ['is longer than a path with its folder', [`${'e'.repeat(200)}/`.repeat(20).slice(0, -1)], ['eeee'], 7],
]

describe('a listing of which one name', () => {
  for (const place of ['cache', 'local dir'])
    test.concurrent.each(clashes)(
      `%s gives all others, and names that one (${place})`,
      async (_, paths, bad, code) => {
        await using hub = await startTestHub({ repos: [{ id: 'o/r', commits: [files] }] })
        using mirror = mirrorWith(hub, paths)
        using machine = newMachine(mirror.url)
        const local = join(machine.folder, 'local')
        const args = place === 'cache' ? [] : ['--local-dir', local]
        const result = await runDfhf(machine, ['snapshot', 'o/r', ...args])
        expect(result.code, result.stderr).toBe(code)
        expect(result.stderr).toContain('cannot be stored, all others are here')
        for (const name of bad) expect(result.stderr).toContain(`"${name}`)
        const others = names.filter((name) => !bad.includes(name))
        // None of them is asked for again.
        const asked = hub.requests.length
        const rest = await runDfhf(machine, [
          'snapshot',
          'o/r',
          ...others.flatMap((name) => ['--include', name]),
          ...args,
        ])
        expect(rest.code, rest.stderr).toBe(0)
        expect(hub.requests.slice(asked).filter(({ kind }) => kind === 'resolve')).toEqual([])
        const folder = rest.stdout.slice(0, -1)
        expect(namesBelow(folder).filter((name) => names.includes(name))).toEqual(others)
        for (const name of others) expect(isExact(hub, join(folder, name), name)).toBe(true)
      },
    )

  test('is listed twice with the same content is one file', async () => {
    await using hub = await startTestHub({ repos: [{ id: 'o/r', commits: [files] }] })
    using mirror = mirrorWith(hub, ['ok.txt', 'ok.txt'])
    using machine = newMachine(mirror.url)
    const result = await runDfhf(machine, ['snapshot', 'o/r', '--json'])
    expect(result.code, result.stderr).toBe(0)
    expect(JSON.parse(result.stdout).files).toHaveLength(names.length)
    expect(namesBelow(JSON.parse(result.stdout).path)).toEqual(names)
  })
})

describe('a file whose name has a line break', () => {
  test.each(['Icon\r', 'two\nlines'])(
    '%j is told of by a path in one line, with a word that it is not the path',
    async (name) => {
      await using hub = await startTestHub({ repos: [{ id: 'o/r', commits: [{ ...files, [name]: 'x\n' }] }] })
      using machine = newMachine(hub.url)
      const result = await runDfhf(machine, ['download', 'o/r', name])
      expect(result.code, result.stderr).toBe(0)
      expect(result.stdout.trimEnd()).toMatch(/^[^\r\n]*$/)
      expect(result.stderr).toContain('warning: the path has a line break, which stands there as \\x0')
      expect(result.stderr).not.toContain('\r')
      const json = await runDfhf(machine, ['download', 'o/r', name, '--json'])
      expect(json.stderr).not.toContain('line break')
      expect(isExact(hub, JSON.parse(json.stdout).path, name)).toBe(true)
      const plain = await runDfhf(machine, ['download', 'o/r', 'ok.txt'])
      expect(plain.stderr).not.toContain('line break')
    },
  )
})
